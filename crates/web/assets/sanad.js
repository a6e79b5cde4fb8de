// What a page can do beside being read. Without this script every page is the same, and every form is sent by the browser.
//
// 1. It says when there is something new behind the page that is open. Nothing moves that somebody reads: the numbers of the
//    gauges change in their places, and a line offers to load the page again. Only a list that says so (`data-live`) is
//    kept up by itself.
// 2. A search is answered while somebody types.
// 3. A form that does not get through is sealed to the site's key and kept by the browser, which cannot open it again; it
//    is sent when the site answers again. The form's own key sees to it that it is saved once.
'use strict';
(() => {
  const data = document.body.dataset;
  const part = name => document.getElementById(name);

  // ---- what is new ----
  const place = data.place;
  let loading = false;
  const load = () => {
    if (loading) return;
    loading = true;
    fetch(location.href, { credentials: 'same-origin' }).then(answer => answer.ok ? answer.text() : '').then(text => {
      const page = new DOMParser().parseFromString(text, 'text/html');
      for (const old of document.querySelectorAll('[data-live]')) {
        const now = page.getElementById(old.id);
        if (now && now.innerHTML !== old.innerHTML) old.innerHTML = now.innerHTML;
      }
    }).catch(() => {}).then(() => { loading = false; });
  };
  const tell = news => {
    const numbers = { only_here: '#only-here"] > b', not_yet_safe: '#only-here"] small .num', readable: '#readable-here"] > b' };
    for (const name of Object.keys(numbers)) {
      const number = document.querySelector('.gauge[href$="' + numbers[name]);
      if (number && number.textContent !== news[name]) number.textContent = news[name];
    }
    const gauge = document.querySelector('.gauge[href$="#only-here"]');
    if (gauge) gauge.classList.toggle('gauge--risk', news.risk);
    if (!news.new) return;
    if (document.querySelector('[data-live]')) load();
    else if (part('news')) part('news').hidden = false;
  };

  // ---- searching while somebody types ----
  // Half a word is answered and not kept; what is found takes the place of what was. Only the newest answer counts.
  const search = document.querySelector('form[data-find]');
  if (search) {
    const field = search.querySelector('[type=search]');
    let asked = field.defaultValue;
    let waits = 0;
    let newest = 0;
    const find = () => {
      if (field.value === asked) return;
      asked = field.value;
      const number = ++newest;
      const body = new URLSearchParams(new FormData(search));
      body.set('live', 'yes');
      fetch(search.action, { method: 'POST', credentials: 'same-origin', body: body }).then(answer => answer.ok ? answer.text() : '').then(text => {
        if (number !== newest) return;
        const page = new DOMParser().parseFromString(text, 'text/html');
        for (const old of document.querySelectorAll('[data-found]')) {
          const now = page.getElementById(old.id);
          if (now) old.innerHTML = now.innerHTML;
        }
      }).catch(() => { if (number === newest) asked = null; });
    };
    field.addEventListener('input', () => { clearTimeout(waits); waits = setTimeout(find, 250); });
    // A browser that comes back to the page fills in what stood there.
    window.addEventListener('pageshow', find);
  }

  let events = null;
  // A page that nobody sees holds no connection: a browser has few for one site.
  const listen = () => {
    if (document.hidden) {
      if (events) events.close();
      events = null;
    } else if (!events) {
      events = new EventSource('/events?of=' + encodeURIComponent(location.pathname) + '&after=' + place);
      events.addEventListener('open', () => flush());
      events.addEventListener('changed', event => tell(JSON.parse(event.data)));
      events.addEventListener('locked', () => {
        document.removeEventListener('visibilitychange', listen);
        events.close();
        document.dispatchEvent(new Event('locked'));
      });
    }
  };

  // ---- what waits on this phone ----
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const open = () => new Promise((done, failed) => {
    const asked = indexedDB.open('sanad', 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore('sealed', { autoIncrement: true });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
  const store = (mode, use) => open().then(db => new Promise((done, failed) => {
    const change = db.transaction('sealed', mode);
    const asked = use(change.objectStore('sealed'));
    change.oncomplete = () => { db.close(); done(asked && asked.result); };
    change.onerror = change.onabort = () => { db.close(); failed(change.error); };
  }));
  const count = () => store('readonly', sealed => sealed.count()).then(number => {
    const line = part('waiting');
    if (!line) return number;
    line.querySelector('b').textContent = number;
    line.hidden = number === 0;
    return number;
  }).catch(() => 0);
  const seal = form => {
    const text = new TextEncoder().encode(JSON.stringify(form));
    const once = nacl.box.keyPair();
    const nonce = nacl.randomBytes(24);
    const boxed = nacl.box(text, nonce, bytes(data.box), once.secretKey);
    const sealed = new Uint8Array(57 + boxed.length);
    sealed[0] = 1;
    sealed.set(once.publicKey, 1);
    sealed.set(nonce, 33);
    sealed.set(boxed, 57);
    return sealed;
  };
  // Longer than a busy site takes to answer; a request that arrived all the same is saved once.
  const within = promise => Promise.race([promise, new Promise((_, failed) => setTimeout(failed, 15000))]);
  let flushing = false;
  const flush = () => {
    if (flushing || !window.indexedDB || !data.box) return;
    flushing = true;
    const next = () => store('readonly', sealed => sealed.getAllKeys()).then(keys => keys.reduce((before, key) => before
      .then(() => store('readonly', sealed => sealed.get(key)))
      .then(form => form && within(fetch('/outbox', { method: 'POST', credentials: 'same-origin', headers: { 'content-type': 'application/octet-stream' }, body: form })))
      .then(answer => answer && answer.ok && answer.headers.get('x-sanad-outbox') && store('readwrite', sealed => sealed.delete(key))), Promise.resolve()));
    count().then(number => number && next()).catch(() => {}).then(count).then(() => { flushing = false; });
  };
  const keep = (form, path, pairs) => {
    const sealed = seal({ path: path, ticket: data.ticket, fields: pairs });
    return store('readwrite', kept => kept.add(sealed)).then(() => {
      const fresh = Array.from(nacl.randomBytes(16), byte => ('0' + byte.toString(16)).slice(-2)).join('');
      form.reset();
      form.elements.key.value = fresh;
      if (part('sealed')) part('sealed').hidden = false;
      window.scrollTo(0, 0);
      return count();
    });
  };
  const show = (text, address) => {
    const page = new DOMParser().parseFromString(text, 'text/html');
    if (address) history.replaceState(null, '', address);
    document.title = page.title;
    document.querySelector('main').replaceWith(page.querySelector('main'));
    document.querySelector('main').focus();
    window.scrollTo(0, 0);
  };
  let pressed = null;
  document.addEventListener('click', event => { pressed = event.target.closest && event.target.closest('button, input[type=image]'); });
  document.addEventListener('submit', event => {
    const form = event.target;
    if (form.method !== 'post' || form.enctype === 'multipart/form-data' || 'plain' in form.dataset || !form.elements.key || !data.box || !window.nacl || !window.indexedDB) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = '1';
    const by = event.submitter || (pressed && pressed.form === form ? pressed : null);
    const pairs = Array.from(new FormData(form).entries());
    if (by && by.name) pairs.push([by.name, by.value]);
    const path = (by && by.getAttribute('formaction')) || form.getAttribute('action') || location.pathname;
    const body = new URLSearchParams();
    for (const pair of pairs) body.append(pair[0], pair[1]);
    within(fetch(path, { method: 'POST', credentials: 'same-origin', body: body })).then(
      answer => answer.redirected && answer.ok
        ? location.assign(answer.url)
        : answer.text().then(text => show(text)),
      () => keep(form, path, pairs),
    ).then(() => { delete form.dataset.busy; }, () => { delete form.dataset.busy; form.submit(); });
  });

  if (data.box && window.indexedDB) {
    count().then(flush);
    window.addEventListener('online', flush);
    setInterval(flush, 10000);
  }
  if (place && window.EventSource && part('news')) {
    document.addEventListener('visibilitychange', listen);
    window.addEventListener('pagehide', () => events && events.close());
    listen();
  }
})();

// Hides and locks. Escape twice does what the key "hide" does. A page that nobody has touched for as long as its site says
// is emptied and leaves; whoever writes on it keeps the session alive. The site locks by itself: this only clears the page.
(() => {
  const clear = keep => {
    document.title = '';
    document.body.replaceChildren(...keep);
  };
  const hide = document.getElementById('hide');
  if (hide) {
    const go = event => {
      if (event) event.preventDefault();
      hide.hidden = true;
      clear([hide]);
      hide.submit();
    };
    hide.addEventListener('submit', go);
    let escaped = -Infinity;
    document.addEventListener('keydown', event => {
      if (event.key !== 'Escape') escaped = -Infinity;
      else if (event.timeStamp - escaped < 1000) go();
      else escaped = event.timeStamp;
    });
  }
  const idle = Number(document.body.dataset.lock) * 1000;
  if (!idle) return;
  const path = location.pathname + location.search;
  let used = Date.now();
  let told = used;
  const touch = () => {
    used = Date.now();
    if (used - told < 20000) return;
    told = used;
    fetch('/alive', { cache: 'no-store' }).catch(() => {});
  };
  for (const name of ['keydown', 'pointerdown', 'input', 'scroll']) {
    document.addEventListener(name, touch, { capture: true, passive: true });
  }
  // What stands half-typed waits at the site, in its memory, for whoever typed it.
  const typed = field => {
    if (field.type === 'hidden' || field.type === 'password' || !field.name) return false;
    if (field.options) return [...field.options].some(option => option.selected !== option.defaultSelected);
    return field.defaultChecked !== field.checked || (field.type !== 'file' && field.defaultValue !== field.value);
  };
  const draft = () => {
    const form = [...document.querySelectorAll('main form[method="post"]')].find(form => [...form.elements].some(typed));
    if (!form) return Promise.resolve('');
    const fields = [...new FormData(form)].filter(([, value]) => typeof value === 'string');
    const kept = fetch('/lock', { method: 'POST', body: new URLSearchParams(fields) });
    return kept.then(answer => (answer.status === 201 ? answer.text() : ''), () => '').then(name => name && '#draft=' + name);
  };
  let leaving = false;
  const look = () => {
    if (leaving || Date.now() - used < idle) return;
    leaving = true;
    const kept = draft();
    clear([]);
    kept.then(hash => location.replace('/lock?back=' + encodeURIComponent(path + hash)));
  };
  const fill = fields => {
    for (const [name, value] of fields) {
      for (const field of document.querySelectorAll('main [name="' + CSS.escape(name) + '"]')) {
        if (field.type === 'hidden' || field.type === 'file' || field.tagName === 'BUTTON') continue;
        if (field.type === 'radio' || field.type === 'checkbox') field.checked = field.checked || field.value === value;
        else field.value = value;
      }
    }
  };
  const waiting = /^#draft=([0-9a-f]{32})$/.exec(location.hash);
  if (waiting) {
    history.replaceState(null, '', path);
    fetch('/draft?k=' + waiting[1], { cache: 'no-store' }).then(answer => answer.ok && answer.json().then(fill));
  }
  setInterval(look, 1000);
  // Locked from another page of this browser.
  document.addEventListener('locked', () => {
    used = -Infinity;
    look();
  });
  document.addEventListener('visibilitychange', look);
  // A page that the browser kept aside and shows again.
  window.addEventListener('pageshow', event => event.persisted && location.reload());
})();
