/**
 * Characters that are written in more than one way, the way in common use first: the forms of before 1946 that the table of
 * common characters (常用漢字表, 2010) gives in brackets, and those that registers of families and Japanese place names keep
 * beside them. Whoever types a name rarely knows which of them the register has.
 *
 * Only forms of one character stand together; 斉 and 斎 are two that merely sound alike. What Unicode itself unites (the 神
 * of U+FA19, full-width forms) is not repeated here: NFKC does it.
 */
const variants = `
  亜亞 悪惡 圧壓 囲圍 医醫 為爲 壱壹 隠隱 栄榮 営營 衛衞 駅驛 円圓 塩鹽 縁緣 艶艷 応應 欧歐 殴毆 桜櫻 奥奧 横橫 温溫 穏穩
  仮假 価價 画畫 会會 絵繪 壊壞 懐懷 拡擴 殻殼 覚覺 学學斈 岳嶽 楽樂 渇渴 缶罐 巻卷 陥陷 勧勸 寛寬 関關 歓歡 観觀 気氣 既旣
  帰歸 偽僞 戯戲 犠犧 旧舊 拠據 挙擧 虚虛 峡峽 挟挾 狭狹 郷鄕 暁曉 区區 駆驅駈 勲勳 薫薰 径徑 茎莖 恵惠 掲揭 渓溪 経經 蛍螢
  軽輕 継繼 鶏鷄 芸藝 撃擊 研硏 県縣 倹儉 剣劍 険險 圏圈 検檢 献獻 権權 顕顯 験驗 厳嚴 広廣 効效 恒恆 黄黃 鉱鑛 号號
  国國囯圀 黒黑 砕碎 済濟 斎齋 剤劑 雑雜 参參 桟棧 蚕蠶 惨慘 賛贊 残殘 糸絲 歯齒 児兒 辞辭 湿濕 実實 写寫 釈釋 寿壽 収收
  従從 渋澁 獣獸 縦縱 粛肅 処處 叙敍 将將 称稱 渉涉 焼燒 証證 奨奬 条條 状狀 乗乘 浄淨 剰剩 畳疊 縄繩 壌壤 嬢孃 譲讓 醸釀
  触觸 嘱囑 真眞 寝寢 慎愼 尽盡 図圖 粋粹 酔醉 穂穗 随隨 髄髓 枢樞 数數 瀬瀨 声聲 斉齊 静靜 窃竊 摂攝 専專 浅淺 戦戰 践踐
  銭錢 潜潛 繊纖 禅禪 双雙 壮壯 争爭 荘莊 捜搜 挿插 巣巢 曽曾 痩瘦 装裝 総總 騒騷 蔵藏 臓臟 即卽 属屬 続續 堕墮 対對 体體
  帯帶 滞滯 台臺 滝瀧 択擇 沢澤 担擔 単單 胆膽 団團 断斷 弾彈 遅遲 痴癡 虫蟲 昼晝 鋳鑄 庁廳 徴徵 聴聽 勅敕 鎮鎭 逓遞
  鉄鐵鐡 点點 転轉 伝傳 灯燈 当當 党黨 盗盜 稲稻 闘鬪 徳德 独獨 読讀 届屆 弐貳 悩惱 脳腦 覇霸 拝拜 廃廢 売賣 麦麥 発發
  髪髮 抜拔 蛮蠻 秘祕 浜濱濵 瓶甁 払拂 仏佛 併倂 並竝 辺邊邉 変變 弁辨 歩步 宝寶 豊豐 褒襃 翻飜 毎每 万萬 満滿 麺麵 黙默
  弥彌 訳譯 薬藥 与與 予豫 余餘 誉譽 揺搖 様樣 謡謠 来來 頼賴 乱亂 覧覽 竜龍 両兩 猟獵 緑綠 涙淚 塁壘 礼禮 励勵 戻戾 霊靈
  隷隸 齢齡 暦曆 歴歷 恋戀 錬鍊 炉爐 労勞 楼樓 録錄 湾灣
  高髙 崎﨑嵜 吉𠮷 島嶋嶌 冨富 柳栁 桑桒 館舘 峰峯 船舩 鶴靏靍 淵渕渊 舗舖 亀龜 彦彥 尭堯 遥遙 槙槇 凜凛 檜桧 祢禰 祷禱
  禄祿 秋穐 兎兔 巌巖 晋晉 瑶瑤 萌萠 蒋蔣 醤醬 鴎鷗 麹麴 填塡 砺礪 繋繫 涛濤 竃竈 篭籠 薮藪 侠俠 倶俱 枡桝 莱萊 蝉蟬
  顛顚 騨驒 鴬鶯 橋槗 穣穰 聡聰 隆𨺓 昇曻 鎌鐮 土圡 卯夘 梅楳 恭㳟 頸頚 讃讚 煕熙 箪簞 諌諫
  亘亙 涼凉 剥剝 叱𠮟 晃晄 晩晚 増增 杯盃 緒緖 園薗 郎郞 頬頰 野埜
`;

const commonForms: ReadonlyMap<string, string> = new Map(
  variants
    .trim()
    .split(/\s+/)
    .flatMap((group) => {
      const [common = '', ...others] = group;
      return others.map((other): [string, string] => [other, common]);
    }),
);

/** The form in common use of one character; the character itself where it has no other. */
export function commonFormOf(character: string): string {
  return commonForms.get(character) ?? character;
}
