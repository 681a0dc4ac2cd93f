// Runs one set of scenarios against running servers: `node run.mjs SET ENVIRONMENT [NAME...]`.
//
// ENVIRONMENT is a JSON object from tests/it/page.rs, which fills the buckets. In the set `browse`, the status
// scenarios run first: they show a scan that waits for an answer which never comes, and the daemon gives up after a
// minute. In the set `sources`, each scenario needs those before it. Screenshots go to target/page.

import { mkdirSync } from 'node:fs';

import { User, startBrowser } from './user.mjs';
import { scenarios as status } from './status.mjs';
import { scenarios as search } from './search.mjs';
import { scenarios as browse } from './browse.mjs';
import { scenarios as cards } from './cards.mjs';
import { scenarios as skips } from './skips.mjs';
import { scenarios as select } from './select.mjs';
import { scenarios as detail } from './detail.mjs';
import { scenarios as failures } from './failures.mjs';
import { scenarios as session } from './session.mjs';
import { scenarios as sources } from './sources.mjs';
import { scenarios as newcomer } from './newcomer.mjs';
import { scenarios as many } from './many.mjs';
import { scenarios as pictures } from './pictures.mjs';
import { scenarios as refine } from './refine.mjs';

const SETS = { browse: [status, search, browse, skips, cards, select, detail, failures], session: [session], sources: [sources], newcomer: [newcomer], pictures: [pictures], many: [many], refine: [refine] };

const [set, given, ...only] = process.argv.slice(2);
const environment = { folder: 'target/page', ...JSON.parse(given) };
mkdirSync(environment.folder, { recursive: true });

const browser = await startBrowser();
let failed = 0;
for (const { name, as, run } of SETS[set].flat()) {
  if (only.length > 0 && !only.some((part) => name.includes(part))) continue;
  const started = Date.now();
  const user = await User.start(browser, environment, as);
  try {
    await run(user);
    await user.close();
    console.log(`ok      ${name} (${Date.now() - started} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
    await user.page.screenshot({ path: `${environment.folder}/failed-${name.replaceAll(' ', '-')}.png` }).catch(() => {});
    await user.page.context().close();
  }
}
await browser.close();
process.exitCode = failed > 0 ? 1 : 0;
