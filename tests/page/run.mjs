// Runs all scenarios against the page of a running daemon and of a server that requires a token:
// `node run.mjs BASE_URL PICTURE_ORIGIN GUARDED_URL TOKEN [NAME...]`.
//
// tests/it/page.rs fills the buckets. The status scenarios run first: they show a scan that waits for an
// answer which never comes, and the daemon gives up after a minute. Screenshots go to target/page.

import { mkdirSync } from 'node:fs';

import { User, startBrowser } from './user.mjs';
import { scenarios as status } from './status.mjs';
import { scenarios as search } from './search.mjs';
import { scenarios as browse } from './browse.mjs';
import { scenarios as detail } from './detail.mjs';
import { scenarios as failures } from './failures.mjs';

const [base, pictures, guarded, token, ...only] = process.argv.slice(2);
const environment = { base, guarded, token, origins: [base, guarded, pictures], folder: 'target/page' };
mkdirSync(environment.folder, { recursive: true });

const browser = await startBrowser();
let failed = 0;
for (const { name, as, run } of [status, search, browse, detail, failures].flat()) {
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
