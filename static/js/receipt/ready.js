/* The very first thing of the page: WeChat waits three seconds for this one message (B4). */
(function (w, h) {
  'use strict';
  var show = h.getAttribute('data-show'), said = { action: 'onIframeReady', displayStyle: show };
  if (show === 'SHOW_CUSTOM_PAGE') said.height = Number(h.getAttribute('data-height'));
  w.receiptSay = function (message) {
    try { if (w.parent !== w) w.parent.postMessage(JSON.stringify(message), h.getAttribute('data-to')); } catch (e) { }
  };
  w.receiptSay(said);
})(window, document.documentElement);
