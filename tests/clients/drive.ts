// Drives the scenario with the official TypeScript SDK: node drive.ts (sdk|client) (handshake|stateless) (stdio|http) OUT
import { readFileSync, writeFileSync } from 'node:fs';
import { place } from './place.ts';
import { reach } from './reach.ts';
import { Session, type Era, type Sdk } from './session.ts';

const [sdk, era, way, out] = process.argv.slice(2) as [Sdk, Era, 'stdio' | 'http', string];
const steps = JSON.parse(readFileSync(new URL('scenario.json', import.meta.url), 'utf8'));
const here = place();
const reached = await reach(way, here);
const sessions: Record<string, Session> = {};
const taken: Record<string, string> = {};
const told: object[] = [];
try {
  for (const who of ['planner', 'coder']) sessions[who] = await Session.open(sdk, era, who, reached.server());
  for (const step of steps) {
    const { text, failed, forms } = await carriedOut(sessions[step.who], fill(step));
    check(step, text, failed, forms);
    told.push({ ...step, text, forms });
  }
  for (const session of Object.values(sessions)) await session.close();
  writeFileSync(out, JSON.stringify({ taken, told }));
  console.log(`${sdk} ${era} ${way}: ${told.length} steps`);
} catch (error) {
  console.error(`${sdk} ${era} ${way}, step ${told.length + 1}, ${steps[told.length]?.say}:`, error);
  process.exitCode = 1;
} finally {
  await reached.close();
  here.close();
}
process.exit();

/** Does what a step says: the answer as text, whether it was a failure, and the forms that were shown. */
async function carriedOut(session: Session, step: any): Promise<{ text: string; failed: boolean; forms: string[] }> {
  const before = session.forms.length;
  if (step.answer) session.answers.push(step.answer);
  try {
    const { text, failed = false } = await done(session, step);
    return { text, failed, forms: session.forms.slice(before).map(form) };
  } catch (error: any) {
    // What a protocol error says, without the number that the SDK puts before it.
    return { text: error.message.replace(/^MCP error -?\d+: /, ''), failed: true, forms: [] };
  }
}

async function done(session: Session, step: any): Promise<{ text: string; failed?: boolean }> {
  const { client } = session;
  switch (step.do) {
    case 'greeting':
      return { text: `${client.getServerVersion().name}\n${client.getInstructions()}` };
    case 'tools': {
      const { tools } = await client.listTools();
      const marks = (tool: any) => (tool.annotations?.readOnlyHint ? ' (read only)' : '');
      return { text: tools.map((tool: any) => `${tool.name}${marks(tool)}: ${tool.description}`).join('\n') };
    }
    case 'call': {
      const result = await client.callTool({ name: step.tool, arguments: step.args });
      return { text: result.content[0].text, failed: result.isError === true };
    }
    case 'resources': {
      const { resources } = await client.listResources();
      return { text: resources.map((one: any) => `${one.uri} (${one.mimeType}): ${one.title}`).join('\n') };
    }
    case 'templates': {
      const { resourceTemplates } = await client.listResourceTemplates();
      return { text: resourceTemplates.map((one: any) => `${one.uriTemplate}: ${one.description}`).join('\n') };
    }
    case 'read':
      return { text: (await client.readResource({ uri: step.uri })).contents[0].text };
    case 'complete': {
      const [name, value] = step.argument;
      const { completion } = await client.complete({ ref: step.ref, argument: { name, value } });
      return { text: completion.values.join(', ') };
    }
    case 'prompts': {
      const { prompts } = await client.listPrompts();
      const args = (prompt: any) => (prompt.arguments ?? []).map((one: any) => one.name + (one.required ? '' : '?'));
      return { text: prompts.map((one: any) => `${one.name}(${args(one).join(', ')}): ${one.description}`).join('\n') };
    }
    case 'prompt': {
      const { messages } = await client.getPrompt({ name: step.name, arguments: step.args });
      return { text: messages.map((message: any) => message.content.text).join('\n') };
    }
    case 'follow':
      await session.follow(step.uris);
      return { text: 'followed' };
    case 'told':
      await session.told(step.uri);
      return { text: `updated: ${step.uri}` };
    case 'listed':
      await session.told('list');
      return { text: 'the list of resources has changed' };
    default:
      throw new Error(`a step does ${step.do}`);
  }
}

/** What a user sees of a form. */
function form(shown: any): string {
  const choices = shown.requestedSchema.properties.choice.oneOf.map((one: any) => `  [${one.const}] ${one.title}`);
  return [shown.message, ...choices].join('\n');
}

/** A step, or a text of it, with what earlier answers gave in place of `$name`. */
function fill<T>(step: T): T {
  if (typeof step === 'string')
    return step.replace(/\$([a-z]+)/g, (whole, name) => taken[name] ?? whole) as T;
  if (Array.isArray(step)) return step.map(fill) as T;
  if (step && typeof step === 'object')
    return Object.fromEntries(Object.entries(step).map(([key, value]) => [key, key === 'take' ? value : fill(value)])) as T;
  return step;
}

function check(step: any, text: string, failed: boolean, forms: string[]): void {
  const wrong = (what: string) => {
    throw new Error(`${what}\n--- it was:\n${[...forms, text].join('\n---\n')}`);
  };
  if (failed !== (step.fails ?? false)) wrong(failed ? 'it failed' : 'it should have failed');
  for (const [name, pattern] of Object.entries<string>(step.take ?? {})) {
    const found = new RegExp(fill(pattern)).exec(text)?.[1];
    if (!found) wrong(`there is no ${pattern}`);
    taken[name] = found!;
  }
  for (const part of step.expect ?? []) if (!text.includes(fill(part))) wrong(`there is no ${fill(part)}`);
  for (const part of step.never ?? []) if (text.includes(fill(part))) wrong(`there is ${fill(part)}`);
  if (forms.length !== (step.form ? 1 : 0)) wrong(`${forms.length} forms were shown`);
  for (const part of step.form ?? []) if (!forms[0].includes(fill(part))) wrong(`the form does not show ${fill(part)}`);
}
