// A site of its own for whoever judges one from outside: founded in a scratch folder, served on loopback, ended by its pid.
//
//   node site.mjs PROGRAM COMMAND…    runs COMMAND with two more arguments: the address of /fhir, and a token that may do all
//
// PROGRAM is `sanad`. Nothing of the site is left when its process has ended.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, openSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const READY_MS_MAX = 120_000;
const END_MS_MAX = 60_000;

// The passphrase of a folder that lasts for minutes and holds nobody's records.
const env = { ...process.env, SANAD_PASSPHRASE: 'juniper ladder copper seventeen', LANG: 'C.UTF-8' };

export class Site {
  constructor(program) {
    this.program = program;
    this.scratch = mkdtempSync(join(tmpdir(), 'sanad-site-'));
    this.folder = join(this.scratch, 'site');
    this.log = join(this.scratch, 'serve.log');
    process.on('exit', () => this.remove());
  }

  // A network's first site.
  static found(program, callSign = 'Cedar') {
    const site = new Site(program);
    site.run('init', '--site', callSign);
    return site;
  }

  // One more, let in by a site that is being served; every chart is opened to it.
  static join(program, callSign, inviter) {
    const site = new Site(program);
    site.run('join', '--site', callSign, '--invite', inviter.run('invite', '--haven').invite);
    return site;
  }

  // Serves it, where it was served before if it was. `options` go to `sanad serve`.
  async serve(...options) {
    const log = openSync(this.log, 'a');
    const given = ['serve', this.folder, '--listen', this.url?.replace('https://', '') ?? '127.0.0.1:0', '--json', ...options];
    this.process = spawn(this.program, given, { env, stdio: ['ignore', 'pipe', log] });
    closeSync(log);
    const late = setTimeout(() => this.process.kill('SIGKILL'), READY_MS_MAX);
    this.url = await listeningAt(this.process);
    clearTimeout(late);
    if (!this.url) throw new Error(`it does not serve: ${this.errors()}`);
    // Plain HTTP, on the same port: the certificate is the site's own, and nobody outside the network knows it.
    this.base = `${this.url.replace('https:', 'http:')}/fhir`;
    return this;
  }

  // What its processes have said on standard error.
  errors() {
    return readFileSync(this.log, 'utf8');
  }

  // A command on its folder; what it printed.
  run(name, ...rest) {
    const ran = spawnSync(this.program, [name, this.folder, ...rest, '--json'], { env, encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(`sanad ${name}: ${ran.error ?? ran.stderr}`);
    return JSON.parse(ran.stdout);
  }

  // A token, with its id.
  token(...scopes) {
    return this.run('token', '--role', 'system', ...scopes.flatMap(scope => ['--scope', scope]));
  }

  // Asks it to end, and waits until it has.
  async stop() {
    const ended = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    const late = setTimeout(() => this.process.kill('SIGKILL'), END_MS_MAX);
    const [code] = await ended;
    clearTimeout(late);
    if (code !== 0) throw new Error(`the site ended with ${code}: ${this.errors()}`);
  }

  remove() {
    if (this.process?.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    rmSync(this.scratch, { recursive: true, force: true });
  }
}

// Where a process says that it listens: the first line that it prints. Nothing, if it ends before.
function listeningAt(child) {
  let heard = '';
  return new Promise(resolve => {
    child.stdout.setEncoding('utf8').on('data', chunk => {
      heard += chunk;
      if (heard.includes('\n')) resolve(JSON.parse(heard.split('\n')[0]).listening);
    });
    child.once('exit', () => resolve(undefined));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [program, command, ...rest] = process.argv.slice(2);
  if (!command) {
    console.error('usage: node site.mjs PROGRAM COMMAND…');
    process.exit(2);
  }
  const site = await Site.found(program).serve();
  const child = spawn(command, [...rest, site.base, site.token('system/*.cruds').token], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  await site.stop();
  process.exit(code ?? 1);
}
