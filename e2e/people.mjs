// The people of a site in a real browser: the first run, the door, what a role sees, the lock that loses nothing, the hide
// key, scripts off; on a phone in Arabic and in English. Fails on whatever the console or the content policy complains about, on a
// page wider than its window, and on what axe-core finds.
//
//   node people.mjs PROGRAM [OUT]      PROGRAM is `sanad`; OUT a folder for pictures
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { Site } from './site.mjs';

const [program, out = 'out-people'] = process.argv.slice(2);
if (!program) {
  console.error('usage: node people.mjs PROGRAM [OUT_FOLDER]');
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const problems = [];
const check = (is, what) => {
  if (!is) {
    problems.push(what);
    console.log(`  PROBLEM ${what}`);
  }
};

const site = await Site.found(program).serve();
const base = site.base.replace('/fhir', '');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
const phone = { width: 360, height: 640 };

async function opened(options = {}) {
  const context = await browser.newContext({ viewport: phone, ...options });
  const page = await context.newPage();
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type()) && !/status of (40[345]|422)/.test(message.text()))
      check(false, `console: ${message.text()} at ${page.url()}`);
  });
  page.on('pageerror', error => check(false, `script: ${error}`));
  return page;
}

async function look(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  check(!wide, `${name} is wider than its window`);
  await page.screenshot({ path: `${out}/${name}.png`, fullPage: true });
}

// axe has to be put in past the content policy, so it looks from a context of its own.
async function judge(storageState, path, name) {
  const context = await browser.newContext({ viewport: phone, bypassCSP: true, storageState });
  const page = await context.newPage();
  await page.goto(base + path);
  await page.addScriptTag({ path: axeFile });
  const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] }));
  for (const violation of found.violations.filter(v => ['serious', 'critical'].includes(v.impact)))
    check(false, `${name}: axe ${violation.id}: ${violation.nodes.map(node => node.target).join(' ')}`);
  await context.close();
}

async function signIn(page, callSign, pin) {
  await page.fill('#call-sign', callSign);
  await page.fill('#pin', pin);
  await page.click('.door .btn--main');
}

try {
  // The first run, in Arabic, from this machine.
  const page = await opened();
  await page.goto(`${base}/`);
  check(await page.locator('a[href="/start"]').count() === 1, 'the way to the first run stands on the first page');
  await page.click('a[href="/start"]');
  await look(page, 'start-ar');
  await page.fill('#call-sign', 'Heron');
  await page.fill('#pin', '٢٧١٨٢٨');
  await page.fill('#pin-again', '٢٧١٨٢٨');
  await page.click('.door .btn--main');
  await page.waitForURL(`${base}/start/people`);
  await page.fill('#call-sign', 'Swift');
  await page.check('input[value="doctor"]');
  await page.fill('#pin', '314159');
  await page.click('form[action="/people"] .btn--main');
  await look(page, 'start-people-ar');
  await page.click('a[href="/start/gauges"]');
  await look(page, 'start-gauges-ar');
  await page.click('.door .btn--main');
  check(await page.locator('.nav a').count() === 2, 'a technician sees the overview and the sites');
  await page.goto(`${base}/people`);
  await look(page, 'people-ar');
  const technician = await page.context().storageState();
  for (const path of ['/people', '/pin', '/', '/patients']) await judge(technician, path, path);

  // The door, in English, for a doctor; the lock after a minute.
  await page.goto(`${base}/people`);
  await page.fill('#minutes', '1');
  await page.click('form[action="/people/lock"] .btn');
  const doctor = await opened();
  await doctor.goto(`${base}/`);
  check(doctor.url() === `${base}/sign-in`, 'nobody is let in without a PIN');
  await look(doctor, 'sign-in-ar');
  await doctor.click('button[value="en"]');
  await signIn(doctor, 'Swift', '000001');
  check(await doctor.locator('.note--bad').count() === 1, 'a wrong PIN is said');
  await look(doctor, 'sign-in-wrong-en');
  await signIn(doctor, 'swift', '314159');
  await doctor.goto(`${base}/asks`);
  check(await doctor.locator('input[name="by"]').count() === 0, 'who asks is known');
  await doctor.fill('#ask-text', 'half a na');
  await doctor.waitForURL(/\/sign-in\?back=/, { timeout: 90_000 });
  check(!(await doctor.content()).includes('half a na'), 'the lock shows nothing of what was typed');
  await look(doctor, 'locked-en');
  await signIn(doctor, 'Swift', '314159');
  await doctor.waitForURL(`${base}/asks`);
  await doctor.waitForFunction(() => document.querySelector('#ask-text').value === 'half a na', null, { timeout: 5_000 });

  // What is sent on a locked screen: the lock of the site without that of the page.
  await doctor.fill('#ask-text', 'Mahmoud Haddad');
  const other = await doctor.context().newPage();
  await other.goto(`${base}/`);
  await other.click('#hide button');
  await other.waitForURL(`${base}/network`);
  check(!/sanad|سند|cedar/i.test(await other.content()), 'the neutral page shows nothing of ours');
  await look(other, 'network-en');
  await doctor.click('form[action="/asks"] .btn--main');
  await look(doctor, 'kept-en');
  await signIn(doctor, 'Swift', '314159');
  await look(doctor, 'resume-en');
  await doctor.click('#resume .btn--main');
  await doctor.waitForURL(`${base}/asks`);
  check(await doctor.locator('[aria-labelledby="h-own"] li').count() === 1, 'what was sent on the locked screen has arrived');
  await doctor.keyboard.press('Escape');
  await doctor.keyboard.press('Escape');
  await doctor.waitForURL(`${base}/network`);
  await doctor.goBack();
  check(!(await doctor.content()).includes('Mahmoud'), 'the way back shows nothing');

  // With scripts off.
  const plain = await opened({ javaScriptEnabled: false });
  await plain.goto(`${base}/`);
  await plain.fill('#call-sign', 'Swift');
  await plain.fill('#pin', '314159');
  await plain.click('.door .btn--main');
  check(await plain.locator('.gauges').count() === 1, 'scripts off: signed in');
  await plain.click('.help summary');
  await plain.goto(`${base}/people`);
  check(await plain.locator('h1').count() === 1 && !(await plain.content()).includes('Heron'), 'a doctor does not see the people');
  await look(plain, 'refused-ar');
  await plain.goto(`${base}/`);
  await plain.waitForURL(/\/sign-in/, { timeout: 90_000 });
} finally {
  await browser.close();
  await site.stop();
}
console.log(problems.length ? `${problems.length} problems` : 'no problem');
process.exit(problems.length ? 1 : 0);
