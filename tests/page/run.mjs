// Runs all visits to the page of a running daemon and of one that asks for a token:
// `node run.mjs BASE_URL PICTURE_ORIGIN GUARDED_URL TOKEN [NAME...]`.
//
// The daemon has what tests/it/page.rs puts into its buckets. The status comes first: the scan that it shows
// waits for an answer that does not come, which the daemon bears for a minute. Screenshots go to target/page.

import { mkdirSync } from 'node:fs';

import { Person, startBrowser } from './person.mjs';
import { visits as status } from './status.mjs';
import { visits as search } from './search.mjs';
import { visits as browse } from './browse.mjs';
import { visits as detail } from './detail.mjs';
import { visits as trouble } from './trouble.mjs';

const [base, pictures, guarded, token, ...only] = process.argv.slice(2);
const world = { base, guarded, token, origins: [base, guarded, pictures], folder: 'target/page' };
mkdirSync(world.folder, { recursive: true });

const browser = await startBrowser();
let failures = 0;
for (const { name, as, run } of [status, search, browse, detail, trouble].flat()) {
  if (only.length > 0 && !only.some((part) => name.includes(part))) continue;
  const began = Date.now();
  const person = await Person.at(browser, world, as);
  try {
    await run(person);
    await person.leave();
    console.log(`ok      ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failures += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
    await person.page.screenshot({ path: `${world.folder}/failed-${name.replaceAll(' ', '-')}.png` }).catch(() => {});
    await person.page.context().close();
  }
}
await browser.close();
process.exitCode = failures > 0 ? 1 : 0;
