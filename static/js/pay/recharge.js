/* The recharge page: what is chosen against the cap, the terms' box, and the wallet. ES5; the form
   works without it. Money is integer fen. */
(function(d,w){
var f=d.getElementById('pay'),cfg=d.getElementById('cfg');
if(!f||!cfg)return;
var C=JSON.parse(cfg.textContent),T=C.t,go=d.getElementById('go'),cap=d.getElementById('cap'),what=d.getElementById('capwhat');
var hint=d.getElementById('hint'),more=d.getElementById('more'),say=d.getElementById('say'),after=d.getElementById('after'),bar=d.getElementById('capbar');
var own=d.getElementById('own'),other=d.getElementById('other'),box=d.getElementById('ownbox'),agree=d.getElementById('agree');
var busy=0,tries=0,timer;
function fen(s){var m=/^(\d{1,7})(?:\.(\d{0,2}))?$/.exec(s);return m?m[1]*100+ +((m[2]||'')+'00').slice(0,2):0}
function yuan(c){return '¥'+String(Math.floor(c/100)).replace(/\B(?=(\d{3})+$)/g,',')+'.'+('0'+c%100).slice(-2)}
function chosen(){return f.querySelector('[name=pay]:checked')}
function sum(){var i=chosen();return i?i.value==='other'?fen(other.value):+i.value:0}
function total(){var i=chosen();return i&&i.value!=='other'?+i.getAttribute('data-total'):sum()}
function part(c){return Math.min(1000,Math.floor(1000*c/(C.cap||1)))}
function label(m){go.textContent=m||T.pay+(sum()?' '+yuan(sum()):'')}
function show(){var full=C.room<1,over=full||total()>C.room,used=part(C.balance),then=part(C.balance+total());
if(busy)return;
if(box)box.hidden=!own.checked;
cap.hidden=!over;
what.textContent=full?T.full:over?T.over.replace('{fen}',yuan(sum())):'';
after.setAttribute('width',then);
bar.setAttribute('aria-label',T.after.replace('{n}',Math.floor(used/10)).replace('{m}',Math.floor(then/10)));
label();
go.setAttribute('aria-disabled',sum()>0&&!over?'false':'true')}
function tell(m,url){d.getElementById('what').textContent=m;hint.hidden=!m;more.hidden=!url;if(url)more.href=url}
function stop(m,url){busy=0;clearTimeout(timer);f.className='';show();tell(m,url)}
function leave(url){clearTimeout(timer);w.location.replace(url)}
function told(ok,cancel,fail,why,url){if(!busy)return;
if(cancel)stop(T.cancel);
else if(fail&&!ok)stop(T.fail.replace('{why}',why||T.nowhy),url);
else leave(url)}
function bridge(x){timer=setTimeout(function(){more.href=x.result;more.hidden=hint.hidden=false},15000);
w.yimaBridge(C.client,x.bridge,function(ok,cancel,fail,why){told(ok,cancel,fail,why,x.result)},function(){stop(T.nobridge)})}
function send(){var x=new XMLHttpRequest();
x.open('POST',f.getAttribute('action'));x.timeout=20000;x.setRequestHeader('Accept','application/json');
x.onload=function(){var m={},e;
try{m=JSON.parse(x.responseText)||{}}catch(_){}
e=m.error;
if(e&&e.code==='SYS_BUSY'&&tries++<3)setTimeout(send,3000);
else if(e)stop((e.hint||e.title)+' '+e.code);
else if(m.bridge)bridge(m);
else if(m.result)leave(m.result);
else stop(T.oops)};
x.onerror=x.ontimeout=function(){stop(T.offline)};
x.send(new FormData(f))}
f.addEventListener('change',function(){tell('');show();if(own&&own.checked&&d.activeElement===own)other.focus()});
if(other){other.last='';other.addEventListener('input',function(){var v=other.value.replace(/[¥￥,，\s]/g,'').replace(/[。．]/,'.').replace(/^\./,'0.').replace(/^0+(?=\d)/,'');
if(!/^(\d{1,7}(\.\d{0,2})?)?$/.test(v))v=other.last;
if(other.value!==v)other.value=v;
other.last=v;own.checked=true;show()})}
f.addEventListener('submit',function(e){
e.preventDefault();
if(busy)return;
if(total()>C.room||C.room<1){say.textContent=what.textContent;return}
if(!sum()){tell(T.none);if(other&&own.checked)other.focus();return}
if(agree&&!agree.checked){tell(T.agree);agree.focus();return}
if(w.navigator.onLine===false)return tell(T.offline);
busy=1;tries=0;tell('');say.textContent=T.wait;f.className='busy';
label(T.wait);go.setAttribute('aria-disabled','true');send()});
w.addEventListener('pageshow',function(e){if(e.persisted){busy=0;show()}});
show();
})(document,window);
