// A context of its own for a run: a folder, a configuration, and how a client reaches the server.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Place = { wattle: string; folder: string; project: string; env: Record<string, string>; close: () => void };

/** A new context called `team` whose owner is ana. */
export function place(): Place {
  const wattle = process.env.WATTLE;
  if (!wattle) throw new Error('WATTLE names no program: set it to the path of `wattle`');
  const folder = mkdtempSync(join(tmpdir(), 'wattle-clients-'));
  const project = join(folder, 'project');
  mkdirSync(project);
  const env = { PATH: process.env.PATH ?? '', HOME: folder, WATTLE_CONFIG_DIR: join(folder, 'config') };
  execFileSync(wattle, ['init', 'team', '--as', 'ana'], { cwd: project, env, stdio: ['ignore', 'ignore', 'inherit'] });
  return { wattle, folder, project, env, close: () => rmSync(folder, { recursive: true, force: true }) };
}
