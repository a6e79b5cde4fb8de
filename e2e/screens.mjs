// The main screens of the clinic as pictures, Arabic and English, by day and by night, of a site that is founded for them and
// filled through its own forms. Everything in them is made up.
//
//   node screens.mjs PROGRAM [OUT]      PROGRAM is `sanad`; OUT is docs/screens unless another folder is named
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { Site } from './site.mjs';

const [program, out = new URL('../docs/screens', import.meta.url).pathname] = process.argv.slice(2);
if (!program) {
  console.error('usage: node screens.mjs PROGRAM [OUT_FOLDER]');
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const site = await Site.found(program).serve();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
const context = await browser.newContext({ viewport: { width: 360, height: 640 }, baseURL: site.base.replace('/fhir', '') });
const page = await context.newPage();

// A page that was sent is there when the one after it has loaded, under whatever address.
const save = async selector => {
  const loaded = page.waitForEvent('load');
  await page.locator(selector).first().click();
  await loaded;
};

const CASUALTIES = [
  ['immediate', 'K7-204', 'شظية في الفخذ، عاصبة'],
  ['immediate', 'K7-205', 'صدر مفتوح'],
  ['delayed', 'K7-206', 'كسر ساق'],
  ['delayed', '', 'حرق في اليد'],
  ['minor', 'K7-208', 'جروح سطحية'],
  ['minor', 'K7-209', ''],
  ['expectant', '', 'رأس مفتوح'],
];
for (const [colour, tag, complaint] of CASUALTIES) {
  await page.goto('/board/new');
  await page.fill('#tag', tag);
  await page.locator('details.fold summary').first().click();
  await page.fill('#complaint', complaint);
  await page.locator(`button[name="colour"][value="${colour}"]`).click();
  await page.waitForURL(url => url.pathname === '/board');
}
await page.goto('/patients/new');
await page.fill('#tag', 'K7-210');
await page.fill('#call-name', 'أبو سليم');
await page.fill('#age', '40');
await page.locator('main form button.btn--main').click();
await page.waitForURL(url => /\/patients\/[0-9a-f-]{36}$/.test(url.pathname));
const chart = new URL(page.url()).pathname;
for (const [region, kind, note] of [['thigh-left', 'penetrating', 'دخول وخروج'], ['chest-right', 'burn', '']]) {
  await page.goto(`${chart}/injuries`);
  await page.selectOption('#region', region);
  await page.check(`input[name="kind"][value="${kind}"]`);
  await page.fill('#note', note);
  await save('button[name="do"][value="add"]');
}
for (const [pressure, pulse, oxygen] of [['100/60', '112', '95'], ['105/65', '104', '96'], ['110/70', '92', '97']]) {
  await page.goto(`${chart}/vitals`);
  await page.fill('#pressure', pressure);
  await page.fill('#pulse', pulse);
  await page.fill('#oxygen', oxygen);
  await save('main form button.btn--main');
}
await page.goto(`${chart}/notes`);
await page.fill('#text', 'شاحب وبارد. عاصبة الساعة 14:20.');
await save('main form button.btn--main');

const SCREENS = [
  ['overview', '/'],
  ['board', '/board'],
  ['casualty-new', '/board/new'],
  ['registration', '/patients/new'],
  ['chart', chart],
  ['injuries', `${chart}/injuries`],
  ['vitals', `${chart}/vitals`],
  ['transfer', `${chart}/transfer`],
  ['evacuation', '/evacuation'],
];
const NIGHT = new Set(['board', 'chart']);
for (const language of ['ar', 'en']) {
  await page.goto('/');
  const chosen = page.locator(`form[action="/language"] button[value="${language}"]`);
  if (await chosen.count()) await save(`form[action="/language"] button[value="${language}"]`);
  for (const theme of ['day', 'night']) {
    await page.goto('/');
    await save(`form[action="/theme"] button[value="${theme}"]`);
    for (const [name, path] of SCREENS.filter(([name]) => theme === 'day' || NIGHT.has(name))) {
      await page.goto(path);
      await page.screenshot({ path: `${out}/${name}-${language}${theme === 'night' ? '-night' : ''}.png`, fullPage: name === 'board' });
    }
  }
}
await browser.close();
await site.stop();
