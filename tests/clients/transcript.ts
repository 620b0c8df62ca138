// Compares what the runs of all clients recorded, and writes or checks the transcript:
// node transcript.ts (write|check) PAGE RUN.json...
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

type Step = { who: string; say: string; text: string; forms: string[]; [key: string]: unknown };
type Run = { taken: Record<string, string>; told: Step[] };

const HEAD = `# What agents see: a transcript

Made by \`tests/clients/run\`, which holds it against every run: two agents, planner and coder, on one context, with the official TypeScript SDK in both generations and the official Python one, over every transport and in both eras of MCP. All of them get the same answers. What differs from run to run stands as \`$rule\`, \`<version>\` or \`…\`.
`;

const [how, page, ...files] = process.argv.slice(2);
const pages = files.map((file) => ({ file, text: transcript(JSON.parse(readFileSync(file, 'utf8'))) }));
const [first] = pages;
let wrong = pages.filter(({ text }) => text !== first.text).map(({ file }) => differs(file, first.file, pages, first.text));
if (how === 'write') writeFileSync(page, first.text);
else if (readFileSync(page, 'utf8') !== first.text) {
  wrong.push(`${page} is not what the run makes: ${firstDifference(readFileSync(page, 'utf8'), first.text)}`);
  wrong.push('if the new answers are meant, write it anew: tests/clients/run --write');
}
wrong.forEach((line) => console.error(line));
console.log(wrong.length ? 'the transcript does not hold' : `${pages.length} runs, one transcript: ${page}`);
process.exit(wrong.length ? 1 : 0);

function differs(file: string, other: string, all: typeof pages, text: string): string {
  const own = all.find((one) => one.file === file)!.text;
  return `${basename(file)} and ${basename(other)} differ: ${firstDifference(text, own)}`;
}

function firstDifference(one: string, other: string): string {
  const [lines, others] = [one.split('\n'), other.split('\n')];
  const at = lines.findIndex((line, index) => line !== others[index]);
  return `line ${at + 1}:\n  - ${lines[at]}\n  + ${others[at]}`;
}

function transcript(run: Run): string {
  const steps = run.told.map((step, index) => told(step, index + 1, run.taken));
  return `${HEAD}\n${steps.join('\n')}`;
}

function told(step: Step, number: number, taken: Record<string, string>): string {
  const text = plain(step.text, taken, step.do === 'greeting' || step.do === 'tools');
  const forms = step.forms.map((form) => `\nThe form:\n\n${fenced(plain(form, taken, false))}\n`);
  const answered = step.answer ? `\nThe user: \`${JSON.stringify(step.answer)}\`\n` : '';
  return `## ${number}. ${step.say}\n\n${step.who}: ${asked(step)}\n${forms.join('')}${answered}\n${fenced(text)}\n`;
}

/** What was asked, with `$name` for what earlier answers gave. */
function asked(step: any): string {
  const args = step.args ? ` \`${JSON.stringify(step.args)}\`` : '';
  switch (step.do) {
    case 'call':
      return `\`${step.tool}\`${args}`;
    case 'read':
      return `reads \`${step.uri}\``;
    case 'prompt':
      return `gets the prompt \`${step.name}\`${args}`;
    case 'complete':
      return `completes \`${step.argument[0]}\` = \`${step.argument[1]}\` of \`${step.ref.uri ?? step.ref.name}\``;
    case 'follow':
      return `follows the list and ${step.uris.map((uri: string) => `\`${uri}\``).join(', ')}`;
    case 'told':
    case 'listed':
      return 'hears';
    case 'greeting':
      return 'connects';
    default:
      return `lists the ${step.do}`;
  }
}

function fenced(text: string): string {
  return `\`\`\`\`text\n${text.trimEnd()}\n\`\`\`\``;
}

/** A text without what differs from run to run: ids, versions, times, marks, the order of candidates. */
function plain(text: string, taken: Record<string, string>, verbatim: boolean): string {
  if (verbatim) return text;
  let out = text;
  for (const [name, value] of Object.entries(taken).sort(([, a], [, b]) => b.length - a.length)) {
    if (value.length < 8 || name === 'base' || name === 'cursor') continue;
    // An item's whole id begins with the short one.
    const rest = ['rule', 'task', 'document'].includes(name) ? '(?:[0-9a-z]{8})?\\b' : '';
    out = out.replace(new RegExp(value.replace(/[.]/g, '\\.') + rest, 'g'), `$${name}`);
  }
  out = out
    .replace(/^cursor: .*$/gm, 'cursor: …')
    .replace(/\b[0-9a-f]{16}(\.[0-9a-f]{16})*\b/g, '<version>')
    .replace(/\b(planner|coder)\/[0-9a-f]{4,8}\b/g, '$1/…')
    .replace(/\bkey [0-9a-f]{8}\b/g, 'key …')
    .replace(/\bfence \d[\d.]*\d\b|\bfence \d\b/g, 'fence …')
    .replace(/just now|\b\d+ (s|min|h) ago/g, 'just now')
    .replace(/\b\d+ s\b/g, '… s')
    .replace(/\d{4}-\d\d-\d\dT[0-9:.]+Z/g, '<time>')
    .replace(/"(time|time_ms|at_ms)":\d+/g, '"$1":…')
    .replace(/(it replaced )"Deploy (from noon on|until noon)"/g, '$1one of them');
  return candidates(out);
}

/** Runs of lines `  a) …` in the order of their texts: they come in the order of hashes. */
function candidates(text: string): string {
  const lines = text.split('\n');
  const pattern = /^(  \[?)([a-z])(\]|\)) (?:[a-z]\) )?(".*)$/;
  for (let begin = 0; begin < lines.length; begin += 1) {
    let end = begin;
    while (end < lines.length && pattern.test(lines[end])) end += 1;
    const sorted = lines.slice(begin, end).sort((a, b) => pattern.exec(a)![4].localeCompare(pattern.exec(b)![4]));
    sorted.forEach((line, index) => {
      const letter = String.fromCharCode(97 + index);
      lines[begin + index] = line.replace(/^(  \[?)[a-z](\]|\)) ([a-z]\) )?/, (_, open, close, again) => `${open}${letter}${close} ${again ? `${letter}) ` : ''}`);
    });
    begin = Math.max(begin, end - 1);
  }
  return lines.join('\n');
}
