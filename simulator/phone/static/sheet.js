/* The wallet's sheet, stood in for. ES5, and styled through CSSOM only: it also opens inside the
   product's pay page, whose policy forbids inline style and foreign stylesheets.
   simSheet({host, sim, wallet, params, page_url, broke, done}) calls done(result) once, when it is gone. */
(function (w, d) {
  'use strict';
  var INK = '#121A21', DIM = '#566370', LINE = '#D6DDE3', PAPER = '#FFFFFF', BAD = '#A8231C';
  var LOOKS = {
    wechat: { title: '微信支付（模拟）', fill: '#067A42' },
    alipay: { title: '支付宝（模拟）', fill: '#0958D9' }
  };
  var opened = 0;

  function put(el, style, text) {
    for (var k in style) if (style.hasOwnProperty(k)) el.style[k] = style[k];
    if (text !== undefined) el.textContent = text;
    return el;
  }
  function make(tag, style, text, mark) {
    var el = put(d.createElement(tag), style, text);
    if (mark) el.setAttribute(mark[0], mark[1] || '');
    return el;
  }
  function yuan(fen) {
    return (fen / 100).toFixed(2).replace(/\B(?=(\d{3})+\.)/g, ',');
  }
  /* after(status, json): status 0 when nothing came back */
  function post(url, body, after) {
    var x = new XMLHttpRequest();
    x.open('POST', url);
    x.timeout = 15000;
    x.withCredentials = true;
    x.setRequestHeader('Content-Type', 'application/json');
    x.onload = function () {
      var said = {};
      try { said = JSON.parse(x.responseText) || {}; } catch (e) { /* not JSON: only the status counts */ }
      after(x.status, said);
    };
    x.onerror = x.ontimeout = function () { after(0, {}); };
    x.send(JSON.stringify(body));
  }
  function verdict(wallet, said, why) {
    if (wallet === 'alipay') return { resultCode: String(said.resultCode || '4000'), memo: why || '' };
    return { err_msg: said.err_msg || 'get_brand_wcpay_request:fail', err_desc: why || '', after: said.after };
  }

  w.simSheet = function (o) {
    var look = LOOKS[o.wallet], before = d.activeElement, over = o.host === d.body, gone = false;
    var refused = null, busy = true;
    var id = 'sim-sheet-' + (++opened);

    var scrim = make('div', {
      position: over ? 'fixed' : 'absolute', left: '0', right: '0', top: '0', bottom: '0',
      zIndex: '2147483000', background: 'rgba(18,26,33,.46)', display: 'flex', flexDirection: 'column',
      justifyContent: 'flex-end', color: INK, textAlign: 'left', font: '400 14px/1.5 ' +
        '-apple-system,BlinkMacSystemFont,"PingFang SC","Segoe UI","Microsoft YaHei","Noto Sans CJK SC",sans-serif'
    }, undefined, ['data-sim-sheet', o.wallet]);
    var sheet = make('div', {
      boxSizing: 'border-box', width: '100%', maxWidth: '480px', maxHeight: '92%', overflow: 'auto',
      margin: '0 auto', padding: '16px 20px 24px', borderRadius: '18px 18px 0 0', background: PAPER,
      outline: 'none'
    });
    sheet.setAttribute('role', 'dialog');
    sheet.setAttribute('aria-modal', 'true');
    sheet.setAttribute('aria-labelledby', id);
    sheet.setAttribute('tabindex', '-1');

    var head = make('div', { display: 'flex', alignItems: 'center', justifyContent: 'space-between' });
    var title = make('b', { fontWeight: '600' }, look.title);
    title.id = id;
    var x = make('button', {
      width: '44px', height: '44px', margin: '-8px -8px -8px 0', padding: '0', border: '0',
      borderRadius: '22px', background: 'none', color: DIM, font: '400 22px/1 sans-serif', cursor: 'pointer'
    }, '×', ['data-sim', 'dismiss']);
    x.type = 'button';
    x.setAttribute('aria-label', '取消付款');
    head.appendChild(title); head.appendChild(x);

    var body = make('div', {});
    sheet.appendChild(head); sheet.appendChild(body);
    scrim.appendChild(sheet);

    function button(name, text, fill, style) {
      var b = make('button', {
        boxSizing: 'border-box', flex: '1', width: '100%', minHeight: '44px', padding: '8px 18px',
        border: '1px solid ' + (fill || LINE), borderRadius: '10px', background: fill || PAPER,
        color: fill ? '#fff' : INK, font: 'inherit', fontWeight: '500', cursor: 'pointer'
      }, text, ['data-sim', name]);
      b.type = 'button';
      return put(b, style || {});
    }
    function row(list, name, value, mark) {
      if (!value) return;
      list.appendChild(make('dt', { margin: '0', color: DIM }, name));
      list.appendChild(make('dd', { margin: '0', textAlign: 'right', overflowWrap: 'anywhere' }, value, [mark]));
    }
    function focusOn(el) { try { el.focus(); } catch (e) { /* detached meanwhile */ } }
    function clear() { while (body.firstChild) body.removeChild(body.firstChild); }

    function close(result) {
      if (gone) return;
      gone = true;
      d.removeEventListener('keydown', keys, true);
      if (scrim.parentNode) scrim.parentNode.removeChild(scrim);
      if (before && before.focus && d.documentElement.contains(before)) focusOn(before);
      if (result && o.done) o.done(result);
    }
    function waiting() {
      clear();
      body.appendChild(make('p', { margin: '24px 0', textAlign: 'center', color: DIM }, '正在打开…'));
    }
    /* The wallet says no: show its own words, then the page hears "fail". */
    function refuse(why, code, said) {
      refused = verdict(o.wallet, said || {}, why);
      busy = false;
      x.setAttribute('aria-label', '关闭');
      clear();
      var p = make('p', { margin: '20px 0 0', textAlign: 'center', color: BAD, fontSize: '16px', fontWeight: '600' },
        why, ['data-sim-message']);
      p.setAttribute('role', 'alert');
      body.appendChild(p);
      body.appendChild(make('p', { margin: '4px 0 20px', textAlign: 'center', color: DIM, font: '400 12px/1.6 monospace',
        overflowWrap: 'anywhere' }, code || ''));
      body.appendChild(button('close', '知道了', look.fill));
      focusOn(body.lastChild);
    }
    function ready(order) {
      busy = false;
      clear();
      body.appendChild(make('p', { margin: '8px 0 0', textAlign: 'center', color: DIM, fontSize: '13px' },
        order.payee, ['data-sim-payee']));
      var sum = make('p', { margin: '0', textAlign: 'center', font: '600 40px/1.2 -apple-system,"SF Pro Display",' +
        'Roboto,"Segoe UI","Helvetica Neue",Arial,sans-serif', fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' },
      '', ['data-sim-amount', String(order.amount_fen)]);
      sum.appendChild(make('span', { fontSize: '24px', marginRight: '3px', fontWeight: '500' }, '¥'));
      sum.appendChild(d.createTextNode(yuan(order.amount_fen)));
      body.appendChild(sum);
      var list = make('dl', { display: 'grid', gridTemplateColumns: 'auto 1fr', gridGap: '6px 20px', margin: '12px 0 16px' });
      row(list, '商品', order.description, 'data-sim-description');
      row(list, '订单号', order.out_trade_no, 'data-sim-order');
      row(list, '付款人', order.person, 'data-sim-person');
      row(list, '付款方式', o.broke ? '零钱 ¥0.00' : '', 'data-sim-broke');
      row(list, '付款方式', o.broke ? '' : (order.ways || []).join('、'), 'data-sim-ways');
      body.appendChild(list);
      body.appendChild(button('confirm', '确认付款', look.fill));
      var two = make('div', { display: 'flex', marginTop: '10px' });
      two.appendChild(button('cancel', '取消', '', { marginRight: '12px' }));
      two.appendChild(button('fail', '失败', '', { color: BAD, borderColor: '#EBC5C1' }));
      body.appendChild(two);
      focusOn(body.querySelector('[data-sim=confirm]'));
    }
    function act(what) {
      if (busy) return;
      busy = true;
      var all = body.querySelectorAll('button'), i, sent = {}, k;
      for (i = 0; i < all.length; i++) { all[i].disabled = true; all[i].style.opacity = '.55'; }
      for (k in o.params) if (Object.prototype.hasOwnProperty.call(o.params, k)) sent[k] = o.params[k];
      sent.act = what;
      sent.page_url = o.page_url;
      post(o.sim + '/sim/wallet/' + o.wallet + '/pay', sent, function (status, said) {
        if (gone) return;
        if (status === 200 && o.broke && what === 'fail') return refuse('余额不足', '', said);
        if (status === 200) return close(verdict(o.wallet, said));
        refuse(said.message || (status ? '钱包没有受理' : '模拟器没有回答'), said.code || (status ? 'HTTP ' + status : ''), said);
      });
    }
    function press(name) {
      if (refused) return close(refused);
      if (name === 'dismiss') name = 'cancel';
      if (name === 'confirm' && o.broke) name = 'fail';
      if (name !== 'close') act(name);
    }
    function keys(e) {
      if (e.key === 'Escape') { e.preventDefault(); press('dismiss'); return; }
      if (e.key !== 'Tab') return;
      var all = sheet.querySelectorAll('button:not([disabled])'), last = all.length - 1;
      if (!sheet.contains(d.activeElement)) { e.preventDefault(); focusOn(all[0] || sheet); }
      else if (e.shiftKey && d.activeElement === all[0]) { e.preventDefault(); focusOn(all[last]); }
      else if (!e.shiftKey && d.activeElement === all[last]) { e.preventDefault(); focusOn(all[0]); }
    }

    scrim.addEventListener('click', function (e) {
      var name = e.target.getAttribute && e.target.getAttribute('data-sim');
      if (name) press(name);
    });
    if (over) d.addEventListener('keydown', keys, true);
    else scrim.addEventListener('keydown', keys);
    waiting();
    o.host.appendChild(scrim);
    focusOn(sheet);
    post(o.sim + '/sim/phone/sheet', { wallet: o.wallet, params: o.params }, function (status, order) {
      if (gone) return;
      if (status === 200) ready(order);
      else refuse(order.message || '模拟器没有回答', order.code || (status ? 'HTTP ' + status : ''));
    });
    return { close: function () { close(null); } };
  };
})(window, document);
