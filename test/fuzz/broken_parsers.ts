import type { Parser } from './parser.ts';

/* Parsers that each break one promise: what a fuzz run is there to notice. */

const broken: Parser = {
  name: 'sound',
  limit: 100,
  samples: [Uint8Array.of(0)],
  refusals: /^$/,
  tamperProof: false,
  generate: (random) => random.octets(10),
  read: () => 'nothing',
};

let readings = 0;
const kept: Uint8Array[] = [];

export const parsers: readonly Parser[] = [
  broken,
  {
    ...broken,
    name: 'crashes',
    read(input) {
      if (input.length > 1) throw new TypeError('nobody thought of this');
      return 'nothing';
    },
  },
  {
    ...broken,
    name: 'is slow',
    read(input) {
      const started = process.threadCpuUsage();
      while (input.length > 1 && process.threadCpuUsage(started).user < 300_000);
      return 'nothing';
    },
  },
  {
    ...broken,
    name: 'writes',
    read(input) {
      input[0] = 1;
      return 'nothing';
    },
  },
  {
    ...broken,
    name: 'wavers',
    read() {
      readings += 1;
      return String(readings);
    },
  },
  { ...broken, name: 'believes', tamperProof: true, read: (input) => input.join() },
  {
    ...broken,
    name: 'keeps',
    read(input) {
      kept.push(new Uint8Array(100_000).fill(input.length));
      return 'nothing';
    },
  },
  {
    ...broken,
    name: 'hangs',
    read(input) {
      while (input.length > 1);
      return 'nothing';
    },
  },
  {
    ...broken,
    name: 'swallows memory',
    read(input) {
      const all: string[][] = [];
      while (input.length > 1) all.push(Array.from({ length: 10_000 }, (_, index) => `${all.length} ${index}`));
      return 'nothing';
    },
  },
];
