/* Stands in for WeixinJSBridge / AlipayJSBridge. Framed by the phone page it asks that page;
   on its own (a browser test) it opens the sheet over the page. ES5. */
(function (w, d) {
  'use strict';
  var WALLET = '__WALLET__';
  var tag = d.currentScript || d.querySelector('script[src*="/sim/bridge.js"]');
  var link = d.createElement('a');
  link.href = tag.src;
  var SIM = link.protocol + '//' + link.host;
  var above = w.location.ancestorOrigins;
  var framed = w.parent !== w && !(above && above.length && above[0] !== SIM);
  var asked = {}, count = 0, sheet = null;

  function tell(message) {
    message.sim = 1;
    message.wallet = WALLET;
    message.page_url = w.location.href;
    w.parent.postMessage(message, SIM);
  }
  function pay(params, cb) {
    if (framed) {
      asked[++count] = cb;
      tell({ kind: 'pay', id: count, params: params });
      return;
    }
    if (sheet) return;
    sheet = w.simSheet({
      host: d.body, sim: SIM, wallet: WALLET, params: params, page_url: w.location.href,
      done: function (result) {
        sheet = null;
        if (result.after) w.location.replace(SIM + result.after); /* the paying page is closed */
        else cb(result);
      }
    });
  }
  function leave() {
    if (framed) { tell({ kind: 'close' }); return; }
    var shade = d.createElement('div'), s = shade.style;
    shade.setAttribute('data-sim-closed', '');
    shade.textContent = '页面已关闭';
    s.position = 'fixed'; s.left = s.right = s.top = s.bottom = '0'; s.zIndex = '2147483001';
    s.display = 'flex'; s.alignItems = s.justifyContent = 'center';
    s.background = '#F2F5F7'; s.color = '#36434E'; s.font = '400 16px/1.5 sans-serif';
    d.body.appendChild(shade);
  }
  /* As the real ones: always later, and not before the page's own scripts could listen. */
  function ready(name) {
    function fire() {
      w.setTimeout(function () {
        var e = d.createEvent('Event');
        e.initEvent(name, true, false);
        d.dispatchEvent(e);
      }, 0);
    }
    if (d.readyState === 'loading') d.addEventListener('DOMContentLoaded', fire);
    else fire();
  }
  function nothing() { /* the page wants no answer */ }
  function answer(cb, said) { w.setTimeout(function () { cb(said); }, 0); }

  var weixin = {
    invoke: function (name, params, cb) {
      cb = cb || nothing;
      if (name === 'getBrandWCPayRequest') pay(params || {}, cb);
      else if (name === 'closeWindow') { leave(); answer(cb, { err_msg: 'close_window:ok' }); }
      else if (/^(hide|show)(OptionMenu|Toolbar|MenuItems)$/.test(name)) answer(cb, { err_msg: name + ':ok' });
      else answer(cb, { err_msg: 'system:function_not_exist' });
    },
    on: nothing
  };
  weixin.call = weixin.invoke;

  var alipay = {
    call: function (name, params, cb) {
      if (typeof params === 'function') { cb = params; params = {}; }
      cb = cb || nothing;
      if (name === 'tradePay') pay(params || {}, cb);
      else if (/^(popWindow|exitApp|closeWebview)$/.test(name)) { leave(); answer(cb, {}); }
      else if (/^(hide|show)OptionMenu$/.test(name)) answer(cb, {});
      else answer(cb, { error: 1, errorMessage: '接口不存在' });
    }
  };

  if (framed) {
    w.addEventListener('message', function (e) {
      var said = e.data, cb;
      if (e.origin !== SIM || e.source !== w.parent || !said || said.sim !== 1) return;
      if (said.kind === 'reload') w.location.reload();
      cb = asked[said.id];
      if (said.kind === 'paid' && cb) { delete asked[said.id]; cb(said.result); }
    });
    w.addEventListener('pageshow', function () { tell({ kind: 'here' }); });
    w.addEventListener('hashchange', function () { tell({ kind: 'here' }); });
    tell({ kind: 'here' });
  }
  if (WALLET === 'wechat') { w.WeixinJSBridge = weixin; ready('WeixinJSBridgeReady'); }
  else { w.AlipayJSBridge = alipay; ready('AlipayJSBridgeReady'); }
})(window, document);
