// Asks a served site over HTTP, one request at a time, and keeps what it answered.
import http from 'node:http';

export class Talk {
  // `heard(kind, answer)` is told of every answer.
  constructor(site, token, heard) {
    Object.assign(this, { site, token, heard });
  }

  // The answer to one request. Fails unless it has the status: an answer that was not meant proves nothing.
  async ask(kind, status, method, path, { body, headers = {}, token = this.token } = {}) {
    const answer = await this.request(method, path, { body, headers, token });
    const short = `${kind}: ${method} ${path.length > 80 ? `${path.slice(0, 80)}…` : path}`;
    if (answer.status !== status) throw new Error(`${short}: ${answer.status}, not ${status}: ${answer.text.slice(0, 400)}`);
    const isBare = method === 'HEAD' || status === 204 || status === 304;
    if (answer.text === '' ? !isBare && status >= 400 : isBare) throw new Error(`${short}: ${answer.text ? 'a' : 'no'} body with ${status}`);
    if (answer.text) {
      const type = answer.headers['content-type'];
      if (type !== 'application/fhir+json; charset=utf-8') throw new Error(`${short}: it is ${type}`);
      answer.json = JSON.parse(answer.text);
    }
    if (status >= 400 && !/^\S.{18,}\.$/s.test(answer.json?.issue?.[0]?.diagnostics ?? '')) {
      throw new Error(`${short}: it does not say in a sentence why it is refused`);
    }
    this.heard(kind, answer);
    return answer;
  }

  request(method, path, { body, headers, token }) {
    const text = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const all = { ...headers };
    if (token) all.authorization = `Bearer ${token}`;
    if (text !== undefined) all['content-type'] ??= 'application/fhir+json';
    return new Promise((resolve, reject) => {
      const request = http.request(this.site.base + path, { method, headers: all, agent: false }, response => {
        const chunks = [];
        response.on('data', chunk => chunks.push(chunk)).on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') }));
      });
      // A refusal of what is too large may come before all of it was sent.
      request.on('error', reject);
      if (text !== undefined && !all['transfer-encoding']) request.setHeader('content-length', Buffer.byteLength(text));
      request.end(text);
    });
  }

  get(kind, path, options) {
    return this.ask(kind, 200, 'GET', path, options);
  }

  // All pages of a search or a history, from the first.
  async pages(kind, path) {
    let next = path;
    let entries = [];
    while (next) {
      const { json } = await this.get(kind, next);
      entries = entries.concat(json.entry ?? []);
      next = json.link.find(({ relation }) => relation === 'next')?.url.slice(this.site.base.length);
    }
    return entries;
  }
}
