// One client's session with the server, with either generation of the official SDK.
import { Client as NewClient, StreamableHTTPClientTransport as NewHttp } from '@modelcontextprotocol/client';
import { StdioClientTransport as NewStdio } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ElicitRequestSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { Place } from './place.ts';

export type Sdk = 'sdk' | 'client';
export type Era = 'handshake' | 'stateless';
/** Where the server is: a program in a folder, or an address with a token. */
export type Server = { place: Place } | { url: string; token: string };

const PATIENCE_MS = 120_000;

export class Session {
  // The two generations have the same methods, and types that do not know of each other.
  client: any;
  era: Era;
  /** What the user answers to a form, in turn; and the forms that were shown. */
  answers: unknown[] = [];
  forms: any[] = [];
  private news: string[] = [];
  private waiting: (() => void)[] = [];

  private constructor(client: any, era: Era) {
    this.client = client;
    this.era = era;
  }

  static async open(sdk: Sdk, era: Era, name: string, server: Server): Promise<Session> {
    const who = { name, version: '1.0.0' };
    const capabilities = { elicitation: { form: {} } };
    const old = sdk === 'sdk';
    if (old && era === 'stateless') throw new Error('the old SDK speaks only the revisions with initialize');
    const mode = era === 'stateless' ? { pin: '2026-07-28' } : ('legacy' as const);
    const client: any = old
      ? new OldClient(who, { capabilities })
      : new NewClient(who, { capabilities, versionNegotiation: { mode } });
    const session = new Session(client, era);
    const ask = async (request: any) => {
      session.forms.push(request.params);
      const answer = session.answers.shift();
      if (!answer) throw new Error('the user is asked once more than expected');
      return answer;
    };
    const updated = (news: any) => session.hear(news.params.uri);
    const listed = () => session.hear('list');
    if (old) {
      client.setRequestHandler(ElicitRequestSchema, ask);
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, updated);
      client.setNotificationHandler(ResourceListChangedNotificationSchema, listed);
    } else {
      client.setRequestHandler('elicitation/create', ask);
      client.setNotificationHandler('notifications/resources/updated', updated);
      client.setNotificationHandler('notifications/resources/list_changed', listed);
    }
    await client.connect(transport(old, server));
    return session;
  }

  /** Begins to follow resources, and the list of them. */
  async follow(uris: string[]): Promise<void> {
    if (this.era === 'stateless') {
      const held = await this.client.listen({ resourcesListChanged: true, resourceSubscriptions: uris });
      const { resourceSubscriptions, resourcesListChanged } = held.honoredFilter;
      if (!resourcesListChanged || resourceSubscriptions.join() !== uris.join())
        throw new Error(`not all is followed: ${JSON.stringify(held.honoredFilter)}`);
    } else {
      for (const uri of uris) await this.client.subscribeResource({ uri });
    }
  }

  /** Returns when the server has told of a resource, or of the `list`. */
  async told(what: string): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const at = this.news.indexOf(what);
      if (at >= 0) {
        this.news.splice(at, 1);
        return;
      }
      const left = end - Date.now();
      if (left <= 0) throw new Error(`nothing was told of ${what}; told was: ${this.news.join(', ') || 'nothing'}`);
      await new Promise<void>((done) => {
        const late = setTimeout(done, left);
        this.waiting.push(() => (clearTimeout(late), done()));
      });
    }
  }

  close(): Promise<void> {
    return this.client.close();
  }

  private hear(what: string): void {
    this.news.push(what);
    this.waiting.splice(0).forEach((wake) => wake());
  }
}

function transport(old: boolean, server: Server): any {
  if ('url' in server) {
    const requestInit = { headers: { Authorization: `Bearer ${server.token}` } };
    return old ? new OldHttp(new URL(server.url), { requestInit }) : new NewHttp(new URL(server.url), { requestInit });
  }
  const { wattle, project, env } = server.place;
  const command = { command: wattle, args: ['mcp'], cwd: project, env, stderr: 'inherit' as const };
  return old ? new OldStdio(command) : new NewStdio(command);
}
