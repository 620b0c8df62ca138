// How clients reach the server: a process for each, or one address for all.
import { execFileSync, spawn } from 'node:child_process';
import type { Place } from './place.ts';
import type { Server } from './session.ts';

export type Reached = { server: Server; close: () => void };

export async function reach(way: 'stdio' | 'http', place: Place): Promise<Reached> {
  const { wattle, project, env } = place;
  if (way === 'stdio') return { server: { place }, close: () => {} };
  const token = execFileSync(wattle, ['mcp', 'token', 'add'], { cwd: project, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const up = spawn(wattle, ['up', '--listen', '127.0.0.1:0', '--json'], { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let line = '';
  for await (const part of up.stdout) {
    line += part;
    if (line.includes('\n')) break;
  }
  const { mcp } = JSON.parse(line.split('\n')[0]);
  return { server: { url: mcp, token: token.trim() }, close: () => up.kill() };
}
