/* WeChat's page after a payment: the merchant's receipt in a frame, or its own. wechat.md B4.
   Messages are JSON texts; three seconds from load, then 「无法获取订单信息」. */
(function (w, d) {
  'use strict';
  var body = d.body, frame = d.querySelector('[data-receipt]'), began = Date.now();
  var find = function (name) { return d.querySelector('[data-' + name + ']'); };
  var wanted = '', timer = 0;

  function note(said) {
    var x = new XMLHttpRequest();
    x.open('POST', w.location.pathname + '/said');
    x.setRequestHeader('Content-Type', 'application/json');
    x.send(JSON.stringify({ said: said }));
  }
  function end(outcome) {
    if (body.dataset.outcome !== 'waiting') return;
    w.clearTimeout(timer);
    body.dataset.outcome = outcome;
    body.dataset.after = String(Date.now() - began);
    find('official').hidden = outcome !== 'official';
    find('timeout').hidden = outcome !== 'timeout';
    note(outcome + ' ' + body.dataset.after + ' ms');
  }
  /* On a base of 640: below 600 shown as 600, above 960 as 960. */
  function fit(height) {
    var asked = Number(height) || 600;
    body.dataset.height = String(Math.max(600, Math.min(960, asked)));
    frame.style.height = Math.round(body.dataset.height * frame.clientWidth / 640) + 'px';
  }
  function jump(url) {
    if (!/^https?:\/\//.test(String(url))) return note('jumpOut refused: not an absolute address');
    /* a tap inside the frame activates its parents too */
    if (w.navigator.userActivation && !w.navigator.userActivation.hasBeenActive) return note('jumpOut punished: nobody tapped');
    wanted = url;
    find('ask').hidden = false;
    find('yes').focus();
  }
  function hear(e) {
    var said;
    if (!frame || e.source !== frame.contentWindow) return;
    if (typeof e.data !== 'string') return note('not a text: ' + typeof e.data);
    try { said = JSON.parse(e.data); } catch (error) { return note('not JSON'); }
    if (said.action === 'onIframeReady') {
      if (said.displayStyle === 'SHOW_CUSTOM_PAGE') { fit(said.height); end('custom'); } else end('official');
    } else if (said.action === 'jumpOut') jump(said.jumpOutUrl);
    else note('unknown action');
  }
  w.addEventListener('message', hear);
  if (frame) {
    timer = w.setTimeout(function () { end('timeout'); }, 3000);
    frame.src = frame.dataset.src;
  }
  find('yes').addEventListener('click', function () {
    note('jumpOut');
    if (w.parent !== w) w.parent.postMessage({ sim: 1, kind: 'open', url: wanted }, w.location.origin);
    else w.location.href = wanted;
  });
  find('no').addEventListener('click', function () { find('ask').hidden = true; });
  find('finish').addEventListener('click', function () {
    if (w.parent !== w) w.parent.postMessage({ sim: 1, kind: 'close' }, w.location.origin);
  });
})(window, document);
