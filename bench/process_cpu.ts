import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc (USER_HZ): 100 on every Linux that Node runs on. */
const TICKS = 100;

/**
 * CPU of a process and all below it, those that have ended included (ms). Linux only; elsewhere 0.
 * PostgreSQL serves each connection by a child of its postmaster.
 */
export function processTreeCpu(root: number): number {
  try {
    const all = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => statOf(name) ?? []);
    return (ticksBelow(root, all) * 1000) / TICKS;
  } catch {
    return 0;
  }
}

interface Stat {
  pid: number;
  parent: number;
  ticks: number;
}

function ticksBelow(root: number, all: readonly Stat[]): number {
  const own = all.find(({ pid }) => pid === root)?.ticks ?? 0;
  const children = all.filter(({ parent }) => parent === root);
  return children.reduce((sum, { pid }) => sum + ticksBelow(pid, all), own);
}

function statOf(pid: string): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name may hold spaces; what follows its closing bracket does not.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
    return { pid: Number(pid), parent: Number(fields[1]), ticks };
  } catch {
    return undefined;
  }
}
