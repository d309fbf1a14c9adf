// Keeps the page up to date. The server makes every page; this file asks for it anew
// when the socket says that something changed, and puts in what differs, so that
// focus, selection and what is being typed stay.
"use strict";
(() => {
  const main = document.getElementById("main");
  const status = document.getElementById("live");
  let generation = document.body.dataset.generation;

  const say = (state, text) => {
    status.dataset.state = state;
    if (status.textContent !== text) status.textContent = text; // or it would be read out again
  };

  // morph makes to of from, an element of the same name.
  const morph = (from, to) => {
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name) && !(from.nodeName === "DETAILS" && name === "open")) from.removeAttribute(name);
    }
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    let at = from.firstChild;
    for (let next = to.firstChild; next; ) {
      const wanted = next;
      next = next.nextSibling;
      let have = at;
      if (wanted.id) { // rows move as others come and go
        for (have = at; have && have.id !== wanted.id; ) have = have.nextSibling;
      }
      if (!have || have.nodeName !== wanted.nodeName || (have.id || "") !== (wanted.id || "")) {
        const fresh = document.importNode(wanted, true);
        if (fresh.nodeType === Node.ELEMENT_NODE && wanted.id) fresh.classList.add("fresh");
        from.insertBefore(fresh, at);
        continue;
      }
      if (have === at) at = at.nextSibling;
      else from.insertBefore(have, at);
      if (have.nodeType === Node.ELEMENT_NODE) morph(have, wanted);
      else if (have.nodeValue !== wanted.nodeValue) have.nodeValue = wanted.nodeValue;
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  };

  // refresh asks for the page; one that is asked for meanwhile comes after it.
  let loading = false, again = false;
  const refresh = () => {
    if (loading) { again = true; return; }
    loading = true;
    const request = new XMLHttpRequest();
    const address = location.href;
    request.open("GET", address);
    request.responseType = "document";
    request.timeout = 15000;
    request.onloadend = () => {
      loading = false;
      const page = request.response;
      const next = page && page.getElementById("main");
      if (next && address === location.href) {
        document.title = page.title;
        morph(main, next);
        const now = page.body.dataset.generation;
        if (now !== generation) {
          generation = now;
          say("live", "Live, changed at " + new Date().toLocaleTimeString());
        }
      }
      if (again) { again = false; refresh(); }
    };
    request.send();
  };

  // Searching while one types: the same address that the form would lead to.
  let typing;
  main.addEventListener("input", (event) => {
    const form = event.target.form;
    if (event.target.type !== "search" || form.getAttribute("action") !== location.pathname.split("/").pop()) return;
    clearTimeout(typing);
    typing = setTimeout(() => {
      const address = new URL(form.getAttribute("action"), location.href);
      address.search = new URLSearchParams(new FormData(form));
      history.replaceState(null, "", address);
      refresh();
    }, 200);
  });

  let pause = 1000;
  const connect = () => {
    const address = new URL("live" + ("ticks" in document.body.dataset ? "?ticks=1" : ""), location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    let first = true;
    socket.onmessage = (event) => {
      pause = 1000;
      const news = JSON.parse(event.data);
      if (first) say("live", "Live");
      if (!first || String(news.generation) !== generation) refresh();
      first = false;
    };
    socket.onclose = () => {
      say("still", "Not live, reload to see what has changed");
      setTimeout(connect, pause);
      pause = Math.min(60000, pause * 2);
    };
  };
  connect();
  addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
})();
