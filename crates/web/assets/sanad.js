// Says when there is something new behind the page that is open. Nothing moves that somebody reads: the numbers of the
// gauges change in their places, and a line offers to load the page again. Without this script the page is the same.
'use strict';
(() => {
  const place = document.body.dataset.place;
  const line = document.getElementById('news');
  if (!place || !line || !window.EventSource) return;
  const address = '/events?of=' + encodeURIComponent(location.pathname) + '&after=' + place;
  let events = null;
  const tell = news => {
    const numbers = { only_here: '#only-here"] > b', not_yet_safe: '#only-here"] small .num', readable: '#readable-here"] > b' };
    for (const name of Object.keys(numbers)) {
      const number = document.querySelector('.gauge[href$="' + numbers[name]);
      if (number && number.textContent !== news[name]) number.textContent = news[name];
    }
    const gauge = document.querySelector('.gauge[href$="#only-here"]');
    if (gauge) gauge.classList.toggle('gauge--risk', news.risk);
    if (news.new) line.hidden = false;
  };
  // A page that nobody sees holds no connection: a browser has few for one site.
  const listen = () => {
    if (document.hidden) {
      if (events) events.close();
      events = null;
    } else if (!events) {
      events = new EventSource(address);
      events.addEventListener('changed', event => tell(JSON.parse(event.data)));
      events.addEventListener('locked', () => {
        document.removeEventListener('visibilitychange', listen);
        events.close();
        document.dispatchEvent(new Event('locked'));
      });
    }
  };
  document.addEventListener('visibilitychange', listen);
  window.addEventListener('pagehide', () => events && events.close());
  listen();
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
