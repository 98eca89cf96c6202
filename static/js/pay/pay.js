/* The pay page. ES5, for iOS 12 and Chrome 70 web views; the form works without it.
   Money is integer fen. The wallet's word is a hint: the result page asks the server. */
(function(d,w){
var f=d.getElementById('pay'),cfg=d.getElementById('cfg');
if(!f||!cfg)return;
var C=JSON.parse(cfg.textContent),T=C.t,go=d.getElementById('go'),hint=d.getElementById('hint'),say=d.getElementById('say');
var more=d.getElementById('more'),sum=d.getElementById('sum'),memo=d.getElementById('memo'),add=d.getElementById('add');
var a=f.amount,b=f.undiscountable||f.deposit,q=f.quantity,r=f.remark,cur=a,busy=0,tries=0,over=0,timer,tip=hint.getAttribute('data-tip');
function fen(s){var m=/^(\d{1,7})(?:\.(\d{0,2}))?$/.exec(s);return m?m[1]*100+ +((m[2]||'')+'00').slice(0,2):0}
function yuan(c){return '¥'+String(Math.floor(c/100)).replace(/\B(?=(\d{3})+$)/g,',')+'.'+('0'+c%100).slice(-2)}
function bytes(s){try{return encodeURIComponent(s).replace(/%../g,'x').length}catch(e){return s.length*3}}
function total(){
if(q)return q.value*C.unit||0;
if(!a)return C.fen;
return fen(a.value)&&fen(a.value)+(f.deposit?fen(b.value):0)}
/* 'card': the member's card is chosen; else the wallet */
function way(){var i=f.querySelector('[name=way]:checked');return i?i.value:''}
/* what stands in the way of paying; '' if nothing does */
function wrong(){var c=total();
if(over)return T.expired;
if(c>C.max)return T.over;
if(way()==='card'&&c>C.balance)return T.short.replace('{gap}',yuan(c-C.balance));
if(f.undiscountable&&fen(b.value)>c)return T.und;
if(r&&bytes(r.value)>127)return T.memo;
return ''}
function text(m,bad,loud){hint.textContent=m;f.className=(bad?'bad':total()?'on':'')+(busy?' busy':'');if(loud)say.textContent=m}
function label(m){go.textContent=m||(a?T.pay:T.pay+' '+yuan(total()))}
function show(){var c=total(),e=wrong(),n;
if(busy)return;
if(more)more.hidden=true;
text(e||(f.deposit&&fen(b.value)&&c?T.sum.replace('{sum}',yuan(c)):tip),e);
if(e)say.textContent=e;
if(a){a.parentNode.className='amt-r'+(a.value.length>7?' long':'');a.setAttribute('aria-invalid',e&&e!==T.memo?'true':'false')}
if(r){n=Math.floor((127-bytes(r.value))/3);r.setAttribute('aria-invalid',n<0?'true':'false');d.getElementById('left').textContent=n<20?T.left.replace('{n}',n<0?0:n):''}
if(q){sum.textContent=yuan(c).slice(1);d.getElementById('less').setAttribute('aria-disabled',q.value>1?'false':'true');d.getElementById('plus').setAttribute('aria-disabled',q.value<99?'false':'true')}
label();
go.setAttribute('aria-disabled',c>=C.min&&!e?'false':'true')}
/* an amount field takes only what could become an amount; else it keeps what it had */
function clean(i){var v=i.value.replace(/[¥￥,，\s]/g,'').replace(/[。．]/,'.').replace(/^\./,'0.').replace(/^0+(?=\d)/,'');
if(!/^(\d{1,7}(\.\d{0,2})?)?$/.test(v))v=i.last||'';
if(i.value!==v)i.value=v;
i.last=v}
function put(k){var v=cur.value;
if(busy)return;
cur.value=k==='del'?v.slice(0,-1):k==='.'&&v.indexOf('.')>=0?v:v+k;
clean(cur);show();
if(!wrong())say.textContent=cur.value?T.now.replace('{v}',cur.value):T.none}
function step(n){var v=(+q.value||0)+n;if(!busy&&v>0&&v<100){q.value=v;show();say.textContent=yuan(total())}}
d.addEventListener('click',function(e){var t=e.target,k=t&&t.closest&&t.closest('[data-k],[data-q]');
if(!k)return;
if(k.getAttribute('data-q'))step(+k.getAttribute('data-q'));else put(k.getAttribute('data-k'))});
[a,b].forEach(function(i){if(!i)return;
i.setAttribute('inputmode','none');i.last=i.value;
i.addEventListener('input',function(){clean(i);show()});
i.addEventListener('focus',function(){cur=i;if(b){b.parentNode.className='two'+(i===b?' cur':'')}})});
f.addEventListener('change',function(e){if(e.target.name==='way')show()});
if(q){q.addEventListener('input',function(){q.value=q.value.replace(/\D/g,'').replace(/^0+/,'').slice(0,2);show()});
q.addEventListener('blur',function(){if(!q.value){q.value=1;show()}})}
if(r){if(add)add.addEventListener('click',function(){memo.hidden=false;add.hidden=true;r.focus()});
r.addEventListener('input',show);
r.addEventListener('keydown',function(e){if(e.keyCode===13){e.preventDefault();r.blur()}});
r.addEventListener('focus',function(){d.body.className='typing'});
r.addEventListener('blur',function(){d.body.className=''})}
function stop(m,bad,url){busy=0;clearTimeout(timer);label();go.setAttribute('aria-disabled',over?'true':'false');text(m,bad,1);link(url)}
function link(url){if(more){more.hidden=!url;if(url)more.href=url}}
function leave(url){clearTimeout(timer);w.location.replace(url)}
function told(ok,cancel,fail,why,result){if(!busy)return;
if(cancel)stop(T.cancel,0);
else if(fail&&!ok)stop(T.fail.replace('{why}',why||T.nowhy),1,result);
else leave(result)}
function bridge(x){timer=setTimeout(function(){link(x.result)},15000);
w.yimaBridge(C.client,x.bridge,function(ok,cancel,fail,why){told(ok,cancel,fail,why,x.result)},function(){stop(T.nobridge,1)})}
function send(){var x=new XMLHttpRequest(),ask=way()==='card'&&C.pending+encodeURIComponent(f.intent.value);
x.open('POST',f.getAttribute('action'));x.timeout=20000;x.setRequestHeader('Accept','application/json');
x.onload=function(){var m={},e;
try{m=JSON.parse(x.responseText)||{}}catch(_){}
e=m.error;
if(e&&e.code==='SYS_BUSY'&&tries++<3){text(e.hint||e.title,0,1);setTimeout(send,3000)}
else if(e)stop(e.hint||e.title,1);
else if(m.redirect)w.location.href=m.redirect;
else if(m.bridge)bridge(m);
else if(m.result)leave(m.result);
else if(ask)leave(ask);
else stop(T.oops,1)};
/* a wallet is only charged through the bridge, so a lost answer has charged nothing; a card is
   charged by the answer itself, so our server is asked what became of it */
x.onerror=x.ontimeout=function(){if(ask)leave(ask);else stop(T.offline,1)};
x.send(new FormData(f))}
f.addEventListener('submit',function(e){var c=total(),m=wrong();
e.preventDefault();
if(busy)return;
if(m||c<C.min){text(m||T.under,1,1);if(m===T.memo)r.focus();else if(a)cur.focus();return}
if(w.navigator.onLine===false)return stop(T.offline,1);
busy=1;tries=0;link('');text(tip,0);say.textContent=T.wait;
label(T.wait);go.setAttribute('aria-disabled','true');send()});
w.addEventListener('pageshow',function(e){if(e.persisted){busy=0;show()}});
w.addEventListener('online',function(){if(hint.textContent===T.offline)show()});
/* a one-off order that ends: count down, then close the form */
var end=C.left>0&&Date.now()+C.left*1000,rest=d.getElementById('rest');
function tick(){var s=Math.ceil((end-Date.now())/1000);
if(s<=0){over=1;rest.textContent='';return show()}
rest.textContent=T.rest.replace('{m}',Math.floor(s/60)).replace('{s}',s%60);
setTimeout(tick,1000)}
if(end&&rest)tick();
if(!f.getAttribute('data-error'))show();else label();
})(document,window);
