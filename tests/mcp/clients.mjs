// The clients that agents are built of, against the fixture and against paratest-mcp: the
// SDK's v1 and v2 (which check each answer against the tool's schema), in both eras, and
// the MCP Inspector's command line.
// usage: node clients.mjs MODULES FIXTURE SERVER        (MODULES: what npm installed)
//
// The last line is "clients: N passed, N failed (0 not offered)".
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

const [modules, fixture, server] = process.argv.slice(2).map((name) => path.resolve(name));
const need = createRequire(path.join(modules, 'clients.js'));
const v1 = {
  Client: need('@modelcontextprotocol/sdk/client/index.js').Client,
  Stdio: need('@modelcontextprotocol/sdk/client/stdio.js').StdioClientTransport,
};
const v2 = {
  Client: need('@modelcontextprotocol/client').Client,
  Stdio: need('@modelcontextprotocol/client/stdio').StdioClientTransport,
};
const KINDS = [
  { name: 'SDK v1', sdk: v1, version: '2025-11-25' },
  { name: 'SDK v2', sdk: v2, version: '2025-11-25' },
  { name: 'SDK v2, auto', sdk: v2, mode: 'auto', version: '2026-07-28' },
  { name: 'SDK v2, pinned', sdk: v2, mode: { pin: '2026-07-28' }, version: '2026-07-28' },
];

const count = { passed: 0, failed: 0 };
const check = async (name, fn) => {
  try {
    await fn();
    count.passed++;
  } catch (error) {
    count.failed++;
    console.log(`FAILED ${name}: ${String(error.stack).split('\n').slice(0, 3).join(' ')}`);
  }
};

const connect = async ({ sdk, mode }, command) => {
  const client = new sdk.Client({ name: 'test', version: '1' },
    mode === undefined ? {} : { versionNegotiation: { mode } });
  // The environment that the SDK gives a server, and where this test's supervisor is.
  const { XDG_RUNTIME_DIR, XDG_STATE_HOME } = process.env;
  await client.connect(new sdk.Stdio({ command, env: { XDG_RUNTIME_DIR, XDG_STATE_HOME },
    stderr: 'ignore' }));
  return client;
};

// v1 takes the schema of the result between the two.
const call = (kind, client, name, args = {}, options = {}) => (kind.sdk === v1 ?
  client.callTool({ name, arguments: args }, undefined, options) :
  client.callTool({ name, arguments: args }, options));

const rejects = async (promise, pattern) => {
  try {
    await promise;
  } catch (error) {
    assert.match(String(error), pattern);
    return;
  }
  assert.fail('it was answered');
};

// ---- the core, by the fixture ----

const progressRises = async (kind, client) => {
  const seen = [];
  const options = { onprogress: (news) => seen.push(news.progress) };
  await call(kind, client, 'test_tool_with_progress', {}, options);
  assert.ok(seen.length >= 2);
  assert.deepEqual(seen, [...new Set(seen)].sort((a, b) => a - b));
};

const timesOut = async (kind, client) => {
  const slow = (options) => call(kind, client, 'slow_compute', { seconds: 3 }, options);
  await rejects(slow({ timeout: 1500 }), /timed out|timeout/i);
  let news = 0;
  const result = await slow({ timeout: 2500, resetTimeoutOnProgress: true,
    onprogress: () => { news++; } });
  assert.equal(result.content[0].text, 'computed');
  assert.ok(news > 2);
};

const isCancelled = async (kind, client) => {
  const control = new AbortController();
  const slow = call(kind, client, 'slow_compute', { seconds: 600 },
    { signal: control.signal, onprogress: () => control.abort('enough') });
  await rejects(slow, /enough|abort/i);
  assert.equal((await call(kind, client, 'greet', { name: 'you' })).content[0].text, 'Hello, you!');
};

const core = async (kind) => {
  const named = (what) => `${kind.name}: ${what}`;
  const client = await connect(kind, fixture);
  await check(named('version'), () => {
    const got = client.getNegotiatedProtocolVersion?.() ?? kind.version;
    assert.equal(got, kind.version);
    assert.equal(client.getServerVersion().name, 'fixture');
    assert.equal(client.getInstructions(), 'For tests.');
  });
  await check(named('tools'), async () => {
    const { tools } = await client.listTools();
    assert.ok(tools.length > 20);
    const result = await call(kind, client, 'test_structured', { n: 21 });
    assert.deepEqual(result.structuredContent, { message: 'doubled', n: 42 });
    assert.equal(result.content[1].type, 'resource_link');
  });
  await check(named('bad arguments are said to the model'), async () => {
    const result = await call(kind, client, 'test_structured', { n: -1 });
    assert.equal(result.isError, true);
    assert.match(result.content[0].text, /n is -1; it must be at least 0/);
    await rejects(call(kind, client, 'no_such_tool'), /Unknown tool|not found/);
  });
  await check(named('resources'), async () => {
    const { resources } = await client.listResources();
    assert.equal(resources.length, 3);
    assert.equal((await client.listResourceTemplates()).resourceTemplates.length, 1);
    const { contents } = await client.readResource({ uri: 'test://template/7/data' });
    assert.equal(JSON.parse(contents[0].text).id, '7');
    await rejects(client.readResource({ uri: 'test://none' }), /not found/i);
  });
  await check(named('prompts and completion'), async () => {
    assert.equal((await client.listPrompts()).prompts.length, 4);
    const args = { arg1: 'a', arg2: 'b' };
    const prompt = await client.getPrompt({ name: 'test_prompt_with_arguments', arguments: args });
    assert.match(prompt.messages[0].content.text, /arg1='a', arg2='b'/);
    const { completion } = await client.complete({
      ref: { type: 'ref/resource', uri: 'test://template/{id}/data' },
      argument: { name: 'id', value: 'p' } });
    assert.equal(completion.values.length, 3);
  });
  await check(named('progress rises'), () => progressRises(kind, client));
  await check(named('a timeout, and one that progress puts off'), () => timesOut(kind, client));
  await check(named('a cancelled call'), () => isCancelled(kind, client));
  await check(named('close'), () => client.close());
};

// ---- paratest-mcp: every tool, checked by the client against its schema ----

const ok = (result) => {
  assert.ok(!result.isError, result.content[0].text);
  return result.structuredContent;
};

const everyTool = async (kind) => {
  const client = await connect(kind, server);
  const tool = async (name, args) => ok(await call(kind, client, name, args));
  const tests = [{ name: 'good', argv: ['true'] },
    { name: 'bad', argv: ['sh', '-c', 'echo why; exit 3'] }];
  let runId;
  const step = (what, fn) => check(`${kind.name}: ${what}`, fn);
  await step('tools/list', async () => {
    const { tools } = await client.listTools();
    assert.equal(tools.length, 9);
  });
  await step('console_run_test_parallel', async () => {
    const run = await tool('console_run_test_parallel', { tests });
    assert.equal(run.status, 'failed');
    assert.equal(run.results[0].name, 'bad');
    ({ runId } = run);
  });
  await step('console_retry_failed_tests', async () => {
    const args = { runId, maxRetries: 1, backoffMs: 1 };
    const retry = await tool('console_retry_failed_tests', args);
    assert.equal(retry.statistics.failedAfterRetry, 1);
  });
  await step('console_detect_flaky_tests', async () => {
    const flaky = await tool('console_detect_flaky_tests', { tests: tests.slice(0, 1), runs: 3 });
    assert.equal(flaky.summary.flakyTests, 0);
  });
  await step('console_set_test_timeout', async () => {
    assert.ok((await tool('console_set_test_timeout', {})).config.timeout > 0);
  });
  await step('console_get_execution_metrics', async () => {
    assert.ok((await tool('console_get_execution_metrics', {})).metrics.length > 0);
  });
  await step('console_list_test_runs', async () => {
    const { runs } = await tool('console_list_test_runs', {});
    assert.ok(runs.some((run) => run.runId === runId));
  });
  await step('console_get_test_run', async () => {
    assert.equal((await tool('console_get_test_run', { runId })).summary.failed, 1);
  });
  await step('console_get_test_output', async () => {
    const { text } = await tool('console_get_test_output', { runId, testName: 'bad' });
    assert.match(text, /why/);
  });
  await step('console_cancel_test_run', async () => {
    assert.equal((await tool('console_cancel_test_run', { runId })).status, 'failed');
  });
  await step('close', () => client.close());
};

// ---- the Inspector ----

const inspect = (...args) => new Promise((resolve) => {
  const cli = path.join(modules, '@modelcontextprotocol/inspector/clients/launcher/build/index.js');
  execFile(process.execPath, [cli, '--cli', ...args], { timeout: 60000 },
    (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, stdout, stderr }));
});

const inspector = async () => {
  await check('Inspector: paratest-mcp, strict', async () => {
    const { code, stdout, stderr } = await inspect(server, '--method', 'tools/list', '--strict',
        '-q');
    assert.equal(code, 0, stdout + stderr);
    assert.doesNotMatch(stdout + stderr, /\b(warning|error)s?\b[^0]{0,3}[1-9]/i);
  });
  for (const era of ['legacy', 'modern']) {
    await check(`Inspector: a call, ${era}`, async () => {
      const { code, stdout, stderr } = await inspect(fixture, '--protocol-era', era, '--method',
        'tools/call', '--tool-name', 'test_structured', '--tool-args-json', '{"n":4}',
        '--format', 'json', '-q');
      assert.equal(code, 0, stderr);
      assert.equal(JSON.parse(stdout).result.structuredContent.n, 8);
    });
  }
  // It declares the tasks extension, and asks for the task until it is over.
  await check('Inspector: a task', async () => {
    const { code, stdout, stderr } = await inspect(fixture, '--protocol-era', 'modern', '--method',
      'tools/call', '--tool-name', 'slow_compute', '--tool-args-json', '{"seconds":2}',
      '--format', 'json', '-q');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /computed/);
  });
};

for (const kind of KINDS) await core(kind);
for (const kind of [KINDS[0], KINDS[3]]) await everyTool(kind);
await inspector();
console.log(`clients: ${count.passed} passed, ${count.failed} failed (0 not offered)`);
process.exit(count.failed === 0 ? 0 : 1);
