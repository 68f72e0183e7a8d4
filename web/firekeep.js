// Points a built web app at Firekeep: one script tag before the app's own, no change of the app.
//
//   <script src="https://fk.example.com/firekeep.js"></script>
//
// Wraps `fetch`, `XMLHttpRequest` and `sendBeacon`, and rewrites Google's API hosts to the server that this script came
// from: `https://identitytoolkit.googleapis.com/v1/x` becomes `https://fk.example.com/identitytoolkit.googleapis.com/v1/x`.
// In a service worker, `importScripts` comes first and `self.FIREKEEP_ORIGIN` names the server.
(() => {
  "use strict";
  const scope = globalThis;
  if (scope.__firekeep) return;
  const script = typeof document === "undefined" ? null : document.currentScript;
  const origin = scope.FIREKEEP_ORIGIN || (script && new URL(script.src, scope.location.href).origin);
  if (!origin) {
    console.error("firekeep.js: set self.FIREKEEP_ORIGIN to the server's address before importing it");
    return;
  }
  // Only what this server answers: the rest of Google stays Google's.
  const hosts = new Set(["identitytoolkit.googleapis.com", "securetoken.googleapis.com"]);
  const isOurs = (url) =>
    hosts.has(url.hostname) || (url.hostname === "www.googleapis.com" && url.pathname.startsWith("/identitytoolkit/"));
  const rewrite = (text) => {
    let url;
    try {
      url = new URL(text, scope.location && scope.location.href);
    } catch {
      return text;
    }
    return isOurs(url) ? `${origin}/${url.hostname}${url.pathname}${url.search}` : text;
  };
  scope.__firekeep = { origin, rewrite };

  const fetch = scope.fetch;
  scope.fetch = function (input, init) {
    if (typeof Request === "undefined" || !(input instanceof Request)) return fetch.call(this, rewrite(String(input)), init);
    const target = rewrite(input.url);
    if (target === input.url) return fetch.call(this, input, init);
    if (input.body === null || (init && init.body)) return fetch.call(this, new Request(target, input), init);
    // A request's body is a stream, which no browser sends over HTTP/1.1: it is read first.
    const { method, headers, mode, credentials, cache, redirect, referrer, referrerPolicy, integrity, keepalive, signal } =
      input;
    const rest = { method, headers, mode, credentials, cache, redirect, referrer, referrerPolicy, integrity, keepalive, signal };
    return input.arrayBuffer().then((body) => fetch.call(this, target, { ...rest, body, ...init }));
  };
  if (scope.XMLHttpRequest) {
    const open = scope.XMLHttpRequest.prototype.open;
    scope.XMLHttpRequest.prototype.open = function (method, url, ...rest) {
      return open.call(this, method, rewrite(String(url)), ...rest);
    };
  }
  if (scope.navigator && scope.navigator.sendBeacon) {
    const send = scope.navigator.sendBeacon;
    scope.navigator.sendBeacon = function (url, data) {
      return send.call(this, rewrite(String(url)), data);
    };
  }
})();
