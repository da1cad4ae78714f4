// A file server for tests, on the loopback, that misbehaves on request: each request takes the
// next fault of a list, and after the list the server is honest.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  | { kind: 'none' }
  /** Closes the connection after `bytes` of the body. */
  | { kind: 'cut'; bytes: number }
  /** Sends `bytes` of the body and then nothing, with the connection open. */
  | { kind: 'stall'; bytes: number }
  /** Flips a bit of every byte. */
  | { kind: 'corrupt' }
  /** Answers 200 with the whole file to a Range request. */
  | { kind: 'ignoreRange' }
  /** Answers 206 with a Content-Range of another place. */
  | { kind: 'wrongRange' }
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  /** Announces another length than it sends. */
  | { kind: 'length'; announced: number }
  /** Neither length nor end: chunks for ever. */
  | { kind: 'endless' };

export interface TestServer {
  readonly url: string;
  /** The Range header of every request so far, '' where there was none. */
  readonly ranges: string[];
  /** Faults still to come. */
  readonly faults: Fault[];
  close(): Promise<void>;
}

/** Serves `files` by path ('/a.zip'). The ETag is 'v1' unless told otherwise. */
export async function startTestServer(
  files: ReadonlyMap<string, Uint8Array>,
  faults: Fault[] = [],
  etag: () => string | undefined = () => '"v1"',
): Promise<TestServer> {
  const ranges: string[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range ?? '');
    answer(files, faults.shift() ?? { kind: 'none' }, etag(), request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, ranges, faults, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

function answer(
  files: ReadonlyMap<string, Uint8Array>,
  fault: Fault,
  etag: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (fault.kind === 'status') return void response.writeHead(fault.status, fault.headers).end();
  const whole = files.get(request.url ?? '');
  if (whole === undefined) return void response.writeHead(404).end();
  const start = fault.kind === 'ignoreRange' ? 0 : rangeStart(request, etag);
  if (start > 0 && start >= whole.length) {
    return void response.writeHead(416, { 'Content-Range': `bytes */${whole.length}` }).end();
  }
  const body = whole.slice(start);
  if (etag !== undefined) response.setHeader('ETag', etag);
  if (fault.kind !== 'endless') response.setHeader('Content-Length', body.length);
  if (start > 0) response.setHeader('Content-Range', contentRange(start, whole.length, fault));
  if (fault.kind === 'length') response.setHeader('Content-Length', fault.announced);
  response.writeHead(start > 0 ? 206 : 200);
  send(body, fault, response);
}

/** If-Range with another version of the file asks for all of it. */
function rangeStart({ headers }: IncomingMessage, etag: string | undefined): number {
  const stale = headers['if-range'] !== undefined && headers['if-range'] !== etag;
  return stale ? 0 : Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
}

const contentRange = (start: number, total: number, fault: Fault) =>
  `bytes ${fault.kind === 'wrongRange' ? start - 1 : start}-${total - 1}/${total}`;

function send(body: Uint8Array, fault: Fault, response: ServerResponse): void {
  switch (fault.kind) {
    case 'cut':
      // A reset takes with it what the other side has not read yet: a busy machine needs this long.
      response.write(body.slice(0, fault.bytes), () => setTimeout(() => response.destroy(), 250));
      return;
    case 'stall':
      response.write(body.slice(0, fault.bytes));
      return;
    case 'corrupt':
      response.end(body.map((byte) => byte ^ 0x40));
      return;
    case 'length':
      response.write(body, () => setTimeout(() => response.destroy(), 20));
      return;
    case 'endless': {
      const more = () => response.destroyed || response.write(body, () => setImmediate(more));
      more();
      return;
    }
    default:
      response.end(body);
  }
}
