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
      });
    }
  };
  document.addEventListener('visibilitychange', listen);
  window.addEventListener('pagehide', () => events && events.close());
  listen();
})();
