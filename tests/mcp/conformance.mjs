// Runs the official conformance suite against a stdio server, through bridge.mjs.
// usage: node conformance.mjs SUITE RESULTS LIST SERVER REVISION [SCENARIO...]
//
// SUITE is the suite's program, RESULTS a folder for what it finds, REVISION a revision
// whose whole set is run, or whose SCENARIOs.  Every check counts, also those that the
// suite does not score: what fails, or only warns, must stand in LIST, and what stands
// there must fail.  The last line is "SERVER, REVISION: N passed, N failed (N not offered)".
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';

const [suite, results, list, server, revision, ...scenarios] = process.argv.slice(2);
const here = import.meta.dirname;

const notOffered = fs.readFileSync(list, 'utf8').split('\n')
  .map((line) => /^ +- (\S+)$/.exec(line)?.[1]).filter((name) => name !== undefined);

const startBridge = () => new Promise((resolve, reject) => {
  const bridge = spawn(process.execPath, [path.join(here, 'bridge.mjs'), '0', server],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  bridge.on('exit', () => reject(new Error('the bridge ended')));
  readline.createInterface({ input: bridge.stdout }).once('line',
    (url) => resolve({ bridge, url }));
});

const runSuite = (url) => {
  const runs = scenarios.length === 0 ? [['--requirements', revision]] :
    scenarios.map((name) => ['--scenario', name, '--spec-version', revision]);
  for (const run of runs)
    spawnSync(process.execPath, [suite, 'server', '--url', url, ...run, '-o', results],
      { stdio: 'ignore', timeout: 120000 });
};

// [[scenario, check]...]: a folder a scenario, "server-NAME-TIME".
const readChecks = () => fs.readdirSync(results).sort().flatMap((folder) => {
  const scenario = /^server-(.*)-\d{4}-\d\d-\d\dT/.exec(folder)[1];
  const file = path.join(results, folder, 'checks.json');
  return JSON.parse(fs.readFileSync(file, 'utf8')).map((check) => [scenario, check]);
});

const tally = (checks) => {
  const count = { passed: 0, failed: 0, notOffered: 0 };
  const stale = new Set(notOffered);
  const seen = new Set();
  for (const [scenario, check] of checks) {
    const known = notOffered.find((name) => [scenario, `${scenario}:${check.id}`].includes(name));
    seen.add(scenario);
    if (check.status === 'SUCCESS') {
      count.passed++;
    } else if (['FAILURE', 'WARNING'].includes(check.status)) {
      stale.delete(known);
      count[known === undefined ? 'failed' : 'notOffered']++;
      if (known === undefined)
        console.log(`FAILED ${scenario}: ${check.id}: ${check.errorMessage ?? ''}`);
    } else if (check.status === 'SKIPPED') {
      console.log(`skipped by the suite: ${scenario}: ${check.id}`);
    }
  }
  for (const name of stale) {
    if (!seen.has(name.split(':')[0])) continue;
    console.log(`FAILED ${name} passes, but stands in ${list}`);
    count.failed++;
  }
  return count;
};

fs.rmSync(results, { recursive: true, force: true });
fs.mkdirSync(results, { recursive: true });
const { bridge, url } = await startBridge();
runSuite(url);
bridge.removeAllListeners('exit');
bridge.kill();
const { passed, failed, notOffered: known } = tally(readChecks());
console.log(`${path.basename(server)}, ${revision}: ${passed} passed, ${failed} failed` +
  ` (${known} not offered)`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
