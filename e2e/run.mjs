// Looks at every screen of a running site with a real browser: both languages, a phone and a laptop, day and night and
// print, with scripts off. Fails on a page that is wider than its window, on anything the console or the content policy
// complains about, on a request to anywhere else, on a page heavier than its bound, and on what axe-core finds.
// With scripts on, a page that is open is told of a change made in another window, moves nothing, and is loaded again by
// its reader; a record that does not change has no such script.
//
//   node run.mjs http://127.0.0.1:8099 OUT [--code 12345678]
//
// With --code the site is one that asks for the screen code: the door is looked at and opened first.
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const [base, out = 'out', ...rest] = process.argv.slice(2);
if (!base) {
  console.error('usage: node run.mjs BASE_URL [OUT_FOLDER] [--code CODE]');
  process.exit(2);
}
const code = rest[0] === '--code' ? rest[1] : undefined;
const PAGE_BYTES_MAX = 60_000;
const TARGET_PX_MIN = 48;
const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const sizes = { phone: { width: 360, height: 640 }, laptop: { width: 1280, height: 800 } };
mkdirSync(out, { recursive: true });

const problems = [];
const problem = (where, what) => {
  problems.push(`${where}: ${what}`);
  console.log(`  PROBLEM ${where}: ${what}`);
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

// Listens to a page: whatever the browser complains about is a problem of the place where it happens.
function listen(page, at) {
  page.on('console', message => {
    // The browser reports the status of the pages that are meant to fail; they are checked by their own status.
    if (['error', 'warning'].includes(message.type()) && !/status of (40[345]|413)/.test(message.text()))
      problem(at(), `console: ${message.text()}`);
  });
  page.on('pageerror', error => problem(at(), `script: ${error}`));
  page.on('request', request => {
    if (!request.url().startsWith(base) && !request.url().startsWith('data:')) problem(at(), `asks for ${request.url()}`);
  });
}

async function signIn(page) {
  if (!code) return;
  await page.goto(`${base}/sign-in`);
  await page.fill('#code', code);
  await page.click('.door button');
  await page.waitForURL(`${base}/`);
}

// Every kind of page, found by walking as a person would, so that it works on any site with at least one patient.
async function addresses(page) {
  const first = async (from, selector) => {
    await page.goto(base + from);
    const found = page.locator(selector).first();
    return (await found.count()) ? await found.getAttribute('href') : undefined;
  };
  const list = { overview: '/', sites: '/sites', patients: '/patients', conflicts: '/conflicts', asks: '/asks', quarantine: '/quarantine', missing: '/patients/nobody-is-called-this' };
  list.patient = await first('/patients', '.person:has(.chip--warn)') ?? await first('/patients', '.person');
  list.plain = await first('/patients', '.person:not(:has(.chip))');
  list.last = await first('/patients', 'a[rel=next]');
  if (list.patient) {
    list.kind = await first(list.patient, '.group .more');
    list.resource = await first(list.patient, '.group .line');
    list.identity = await first(list.patient, 'a[href^="/resources/Patient/"]');
  }
  list.conflict = await first('/conflicts', '.twofold__head');
  const withVersions = list.conflict ?? list.resource;
  if (withVersions) list.version = await first(withVersions, '.versions li:last-child .version');
  await page.goto(`${base}/patients`);
  await page.fill('#q', 'محمود');
  await page.click('.search button');
  const found = page.url();
  if (/%D9|محمود|q=/.test(found)) problem('search', `the address tells what was searched for: ${found}`);
  list.found = found.slice(base.length);
  await page.fill('#q', 'zzzz nobody');
  await page.click('.search button');
  list['found-none'] = page.url().slice(base.length);
  return Object.fromEntries(Object.entries(list).filter(([, path]) => path));
}

// A chart is opened to another site by a button, never by Enter in a field.
async function enterOpensNothing(page) {
  await page.goto(`${base}/asks`);
  const by = page.locator('form[action="/asks/answer"] input[name=by]').first();
  if (!await by.count()) return;
  await by.fill('Heron');
  await by.press('Enter');
  await page.waitForTimeout(300);
  if (page.url() !== `${base}/asks`) problem('asks', `Enter answers an ask: ${page.url()}`);
}

// What a page must be, whatever is on it.
async function check(page, where) {
  const seen = await page.evaluate(targetMin => {
    const root = document.documentElement;
    const small = [...document.querySelectorAll('a, button, input:not([type=hidden]), summary')]
      .filter(element => !element.closest('.kv, .skip, dd') && !element.matches('.skip') && element.getClientRects().length)
      // A finger that meets the label of a choice has met the choice.
      .map(element => [element, element.matches('[type=radio], [type=checkbox]') ? element.closest('label') ?? element : element])
      .map(([element, target]) => [element.className || element.tagName, Math.round(target.getBoundingClientRect().height)])
      .filter(([, height]) => height < targetMin - 1);
    const cut = [...document.querySelectorAll('body *')].filter(element =>
      !element.matches('.unseen, .skip, pre, svg, svg *') && element.scrollWidth > element.clientWidth + 1
        && element.clientWidth > 0 && getComputedStyle(element).overflowX !== 'visible').map(element => element.className);
    return { over: root.scrollWidth - root.clientWidth, small, cut, lang: root.lang, dir: root.dir, title: document.title };
  }, TARGET_PX_MIN);
  if (seen.over > 0) problem(where, `is ${seen.over} px wider than the window`);
  if (seen.small.length) problem(where, `targets under ${TARGET_PX_MIN} px: ${JSON.stringify(seen.small.slice(0, 4))}`);
  if (seen.cut.length) problem(where, `cut: ${seen.cut.slice(0, 4)}`);
  if ((seen.lang === 'ar') !== (seen.dir === 'rtl')) problem(where, `${seen.lang} runs ${seen.dir}`);
  if (/⁨?(محمود|K7-)/.test(seen.title)) problem(where, `the title names a patient`);
}

// Changes what a page shows while it is open: in one window an ask is sent, in the other the list of asks is read.
async function tellsOfChanges(lang) {
  const context = await browser.newContext({ viewport: sizes.phone });
  const page = await context.newPage();
  const where = `news ${lang}`;
  listen(page, () => where);
  await signIn(page);
  await page.goto(base);
  if (await page.evaluate(() => document.documentElement.lang) !== lang) await page.click(`button[name=language][value=${lang}]`);
  await page.goto(`${base}/asks`);
  if (!await page.locator('body[data-place]').count()) return await context.close();
  if (await page.isVisible('#news')) problem(where, 'something is new before anything has changed');
  await page.fill('#ask-text', 'half written');
  const seen = () => page.evaluate(() => [scrollY, document.querySelector('main').getBoundingClientRect().top, document.querySelector('main').innerText]);
  const before = await seen();
  const elsewhere = await browser.newContext({ viewport: sizes.phone });
  const other = await elsewhere.newPage();
  await signIn(other);
  await other.goto(`${base}/asks`);
  await other.fill('#ask-text', `somebody ${lang}`);
  await other.fill('#ask-by', 'Heron');
  // A browser may wait for ever to close a page that is still loading.
  await Promise.all([other.waitForEvent('load'), other.click('form[action="/asks"] button')]);
  await elsewhere.close();
  await page.waitForSelector('#news', { state: 'visible', timeout: 30_000 }).catch(() => problem(where, 'nobody says that something is new'));
  if (JSON.stringify(await seen()) !== JSON.stringify(before)) problem(where, 'the page moved under its reader');
  if (await page.inputValue('#ask-text') !== 'half written') problem(where, 'what was being written is gone');
  await check(page, where);
  await page.screenshot({ path: `${out}/news-${lang}-phone.png` });
  await Promise.all([page.waitForEvent('load'), page.click('#news a')]);
  if (await page.isVisible('#news')) problem(where, 'something is still new after the page was loaded again');
  if (!(await page.innerText('main')).includes(`somebody ${lang}`)) problem(where, 'what was new is not shown');
  await context.close();
}

const weights = {};
let list;
for (const [size, viewport] of Object.entries(sizes)) {
  for (const lang of ['ar', 'en']) {
    const context = await browser.newContext({ viewport, javaScriptEnabled: false });
    const page = await context.newPage();
    let where = `${size} ${lang}`;
    listen(page, () => where);
    if (code) {
      await page.goto(base);
      if (!page.url().endsWith('/sign-in')) problem(where, 'a stranger is let in');
      await page.screenshot({ path: `${out}/door-${lang}-${size}.png`, fullPage: true });
      await check(page, `${where} door`);
      await signIn(page);
    }
    list ??= await addresses(page);
    await enterOpensNothing(page);
    await page.goto(base);
    if (await page.evaluate(() => document.documentElement.lang) !== lang) await page.click(`button[name=language][value=${lang}]`);
    for (const light of ['day', 'night']) {
      await page.click(`button[name=theme][value=${light}]`);
      for (const [name, path] of Object.entries(list)) {
        where = `${name} ${lang} ${size} ${light}`;
        const response = await page.goto(base + path);
        const wanted = name === 'missing' ? 404 : 200;
        if (response.status() !== wanted) problem(where, `answers ${response.status()}`);
        const headers = response.headers();
        if (headers['cache-control'] !== 'no-store') problem(where, 'may be kept by the browser');
        if (!headers['content-security-policy']?.includes("default-src 'none'")) problem(where, 'has no content policy');
        weights[name] = Math.max(weights[name] ?? 0, (await response.body()).length);
        await check(page, where);
        await page.screenshot({ path: `${out}/${name}-${lang}-${size}-${light}.png`, fullPage: true });
      }
      await page.goto(base);
    }
    if (size === 'laptop' && list.patient) {
      await page.emulateMedia({ media: 'print' });
      await page.goto(base + list.patient);
      await page.screenshot({ path: `${out}/patient-${lang}-print.png`, fullPage: true });
    }
    await context.close();
  }
}

for (const lang of ['ar', 'en']) await tellsOfChanges(lang);

// axe-core needs a script of its own, which the content policy forbids: a context of its own, with the policy set aside.
for (const lang of ['ar', 'en']) {
  const context = await browser.newContext({ viewport: sizes.phone, bypassCSP: true });
  const page = await context.newPage();
  await signIn(page);
  await page.goto(base);
  if (await page.evaluate(() => document.documentElement.lang) !== lang) await page.click(`button[name=language][value=${lang}]`);
  for (const light of ['day', 'night']) {
    await page.click(`button[name=theme][value=${light}]`);
    for (const [name, path] of Object.entries(list)) {
      await page.goto(base + path);
      await page.addScriptTag({ path: axeFile });
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      }));
      for (const { id, nodes } of violations)
        problem(`${name} ${lang} ${light}`, `axe ${id}: ${nodes.slice(0, 2).map(node => node.target).join(' | ')}`);
    }
    await page.goto(base);
  }
  await context.close();
}
await browser.close();

for (const [name, bytes] of Object.entries(weights)) {
  console.log(`${name.padEnd(12)} ${String(bytes).padStart(7)} bytes`);
  if (bytes > PAGE_BYTES_MAX) problem(name, `weighs ${bytes} bytes`);
}
console.log(problems.length ? `${problems.length} problems` : 'all screens are as they should be');
process.exit(problems.length ? 1 : 0);
