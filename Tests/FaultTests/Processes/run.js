// Breaks the parts of a cluster one after the other and prints a table: what was lost, doubled, out of order, how long nothing
// came, and how long it took until all was well again. Ends with `N passed, N failed`.
//
//     E2E_BIN=… E2E_CLIENT=… node run.js [REGEX]      only the faults whose number the expression finds
//
// FAULTS_LONG=yes takes the long times of the matrix (ten minutes without Redis, half an hour of churn). FAULTS_SLACK=N allows N
// times the promised times, for a machine that has other things to do.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { cases } = require('./cases.js');

const only = new RegExp(process.argv[2] || '.');
const slack = Number(process.env.FAULTS_SLACK || 1);
const seconds = (ms) => (ms === undefined ? '–' : ms === Infinity ? 'never' : `${(ms / 1000).toFixed(2)} s`);
const count = (value) => value ?? '–';

(async () => {
  const rows = ['| | fault | lost of owed | doubled | out of order | longest gap | back after | promise | |', `|${' --- |'.repeat(9)}`];
  let passed = 0;
  let failed = 0;
  for (const each of cases.filter(({ id }) => only.test(id))) {
    if (each.missing) {
      rows.push(`| ${each.id} | ${each.fault} | – | – | – | – | – | – | not run: ${each.missing} |`);
      console.log(rows.at(-1));
      continue;
    }
    const problems = [];
    const t = { slack, expect: (holds, problem) => { if (!holds) problems.push(problem); } };
    let figures = {};
    console.log(`== ${each.id}: ${each.fault}`);
    try {
      figures = await each.run(t);
      each.then?.(t, figures);
      if (each.ms !== undefined) {
        t.expect(figures.recovery <= each.ms * slack, `back after ${seconds(figures.recovery)}, ${seconds(each.ms)} were promised`);
      }
    } catch (error) {
      problems.push(error.message);
    }
    if (problems.length) failed++; else passed++;
    for (const problem of problems) console.log(`not ok ${each.id}: ${problem}`);
    const lost = figures.owed === undefined ? '–' : `${figures.lost} of ${figures.owed}`;
    rows.push(`| ${each.id} | ${each.fault} | ${lost} | ${count(figures.doubled)} | ${count(figures.disordered)} | ${seconds(figures.gap)} `
      + `| ${seconds(figures.recovery)} | ${each.promise} | ${problems.length ? 'FAILED' : 'ok'}${figures.note ? `; ${figures.note}` : ''} |`);
    console.log(rows.at(-1));
  }
  const folder = path.resolve(__dirname, '../../../.cache/test');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'faults.md'), `${rows.join('\n')}\n`);
  console.log(`\n${rows.join('\n')}\n\n${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
})();
