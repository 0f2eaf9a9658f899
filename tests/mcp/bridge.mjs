// Streamable HTTP in front of a stdio server, for the conformance suite, which speaks
// HTTP only.  usage: node bridge.mjs PORT COMMAND [ARG...]    (port 0: any; loopback only)
//
// The first line on stdout is the URL.  A legacy session (initialize) gets a process of
// its own; modern requests share one, as nothing depends on the connection there.  Ids,
// progress tokens and subscription ids are made unique on the way in and put back on the
// way out.  What only HTTP knows is checked here: Host and Origin, the headers that
// repeat the body, and the status of an answer.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import readline from 'node:readline';

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const HEADER_MISMATCH = -32020;
// The member of params that Mcp-Name repeats.
const NAMED = {
  'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri',
  'tasks/get': 'taskId', 'tasks/update': 'taskId', 'tasks/cancel': 'taskId',
};

const [port, ...command] = process.argv.slice(2);
const sessions = new Map();
let shared;

// A running server.
class Peer {
  constructor() {
    this.next = 1;
    this.waiting = new Map();   // our id -> call
    this.stream = null;         // of GET: what belongs to no call
    this.child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => {
      let message;
      try {
        message = JSON.parse(line);
      } catch {
        console.error(`bridge: not JSON on stdout: ${line.slice(0, 200)}`);
        return;
      }
      this.take(message);
    });
  }

  send(message) {
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  take(message) {
    const meta = message.params?._meta;
    if (message.method === undefined) {
      const call = this.waiting.get(message.id);
      if (call === undefined) return;
      this.waiting.delete(message.id);
      message.id = call.id;
      const end = message.result?._meta;
      if (end !== undefined && SUBSCRIPTION in end) end[SUBSCRIPTION] = call.id;
      call.end(message);
    } else if (message.method === 'notifications/progress') {
      const call = this.waiting.get(message.params.progressToken);
      if (call === undefined) return;
      message.params.progressToken = call.token;
      call.event(message);
    } else if (meta !== undefined && SUBSCRIPTION in meta) {
      const call = this.waiting.get(meta[SUBSCRIPTION]);
      if (call === undefined) return;
      meta[SUBSCRIPTION] = call.id;
      call.event(message);
    } else {
      // A log line or a request of the server: of the call that came last.
      const call = [...this.waiting.values()].pop();
      if (call !== undefined) call.event(message);
      else this.stream?.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
    }
  }
}

const answer = (res, status, body, headers = {}) => {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
};
const refusal = (id, code, message) => (
  { jsonrpc: '2.0', ...(id != null && { id }), error: { code, message } });

const isLocal = (name) => ['localhost', '127.0.0.1', '[::1]'].includes(name);
const mayCome = (headers) => {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  return isLocal(host) &&
    (headers.origin === undefined || isLocal(new URL(headers.origin).hostname));
};

// Do the headers say what the body says?
const headersFit = (headers, message) => {
  const claim = message.params?._meta?.[VERSION];
  const version = headers['mcp-protocol-version'];
  if (claim !== undefined && version !== undefined && version !== claim) return false;
  if (message.id === undefined) return true;
  const key = NAMED[message.method];
  return headers['mcp-method'] === message.method &&
    (key === undefined || headers['mcp-name'] === message.params?.[key]);
};

const statusOf = (message, meta) => {
  const code = message.error?.code;
  if (code === -32601) return 404;
  if ([-32020, -32021, -32022].includes(code)) return 400;
  const whole = meta?.[VERSION] !== undefined && meta?.[CAPABILITIES] !== undefined;
  return code === -32602 && !whole ? 400 : 200;
};

// Sends a request on and its answer back, as JSON or, once there was news, as events.
const call = (peer, message, res, headers, modern) => {
  const meta = message.params?._meta;
  const id = peer.next++;
  let streams = false;
  const one = {
    id: message.id,
    token: meta?.progressToken,
    event(x) {
      if (!streams) res.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
      streams = true;
      res.write(`event: message\ndata: ${JSON.stringify(x)}\n\n`);
    },
    end(x) {
      if (!streams) return answer(res, modern ? statusOf(x, meta) : 200, x, headers);
      one.event(x);
      return res.end();
    },
  };
  peer.waiting.set(id, one);
  if (one.token !== undefined) meta.progressToken = id;
  res.on('close', () => {
    if (peer.waiting.delete(id))
      peer.send({ jsonrpc: '2.0', method: 'notifications/cancelled',
        params: { requestId: id, reason: 'the HTTP client is gone' } });
  });
  peer.send({ ...message, id });
};

const accepted = (peer, message, res) => {
  if (message.method === 'notifications/cancelled')
    for (const [id, one] of peer.waiting)
      if (one.id === message.params?.requestId) message.params.requestId = id;
  peer.send(message);
  res.writeHead(202);
  res.end();
};

const post = (req, res, body) => {
  let message;
  try {
    message = JSON.parse(body);
  } catch {
    return answer(res, 400, refusal(null, -32700, 'Parse error'));
  }
  const version = req.headers['mcp-protocol-version'];
  const session = req.headers['mcp-session-id'];
  const modern = message.params?._meta?.[VERSION] !== undefined || version >= '2026';
  let headers = {};
  let peer;
  if (modern) {
    if (!headersFit(req.headers, message))
      return answer(res, 400, refusal(message.id, HEADER_MISMATCH, 'Header mismatch'));
    peer = shared ??= new Peer();
  } else if (message.method === 'initialize') {
    const name = randomUUID();
    peer = new Peer();
    sessions.set(name, peer);
    headers = { 'mcp-session-id': name };
  } else {
    peer = sessions.get(session);
    if (peer === undefined)
      return answer(res, session ? 404 : 400, refusal(message.id, -32600, 'No such session'));
  }
  if (message.method === undefined || message.id === undefined)
    return accepted(peer, message, res);
  return call(peer, message, res, headers, modern);
};

const listen = (req, res) => {
  const peer = sessions.get(req.headers['mcp-session-id']);
  if (peer === undefined) {
    res.writeHead(req.headers['mcp-session-id'] ? 404 : 405);
    return res.end();
  }
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  res.flushHeaders();
  peer.stream = res;
  return res.on('close', () => { if (peer.stream === res) peer.stream = null; });
};

const leave = (req, res) => {
  const name = req.headers['mcp-session-id'];
  const peer = sessions.get(name);
  if (peer === undefined) return answer(res, 404, refusal(null, -32600, 'No such session'));
  peer.child.stdin.end();
  sessions.delete(name);
  res.writeHead(200);
  return res.end();
};

const server = http.createServer((req, res) => {
  let body = '';
  req.on('data', (part) => { body += part; });
  req.on('end', () => {
    if (!mayCome(req.headers)) answer(res, 403, refusal(null, -32600, 'Not from here'));
    else if (req.method === 'DELETE') leave(req, res);
    else if (req.method === 'GET') listen(req, res);
    else post(req, res, body);
  });
});
server.listen(Number(port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/mcp`);
});
process.on('SIGTERM', () => process.exit(0));
