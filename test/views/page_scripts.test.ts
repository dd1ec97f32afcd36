import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';

describe('page scripts', () => {
  it('type-check', () => {
    const root = join(import.meta.dirname, '../..');
    const { status, stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'views/assets'], { cwd: root });
    assert.equal(status, 0, String(stdout));
  });
});
