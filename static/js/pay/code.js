/* The bar code of a member card: counts down, renews itself, and leaves for the result once a till
   has charged it. ES5. Only our server says whether it was used. */
(function(d,w){
var cfg=d.getElementById('cfg'),bars=d.getElementById('bars');
if(!cfg||!bars)return;
var C=JSON.parse(cfg.textContent),T=C.t,path=bars.querySelector('path'),digits=d.getElementById('digits'),count=d.getElementById('count');
var blk=d.getElementById('blk'),say=d.getElementById('say'),again=d.getElementById('again');
var end=Date.now()+C.left*1000,busy=0,done=0,looked=0;
function pale(on){blk.className=on?'blk pale':'blk'}
function ask(method,url,body,then,lost){var x=new XMLHttpRequest();
busy=1;
x.open(method,url);x.timeout=10000;x.setRequestHeader('Accept','application/json');
if(body)x.setRequestHeader('Content-Type','application/x-www-form-urlencoded');
x.onload=function(){var m=null;
busy=0;
try{m=JSON.parse(x.responseText)}catch(e){}
if(x.status===200&&m)then(m);else lost(m&&m.error)};
x.onerror=x.ontimeout=function(){busy=0;lost()};
x.send(body||null)}
function lost(e){pale(1);count.textContent=(e&&e.hint)||T.net;again.hidden=false}
function fresh(m){path.setAttribute('d',m.bars);digits.textContent=m.digits.replace(/(.{4})(?=.)/g,'$1 ');
end=Date.now()+m.left*1000;pale(0);again.hidden=true;say.textContent=T.renewed;tick()}
function renew(){if(!busy&&!done)ask('POST',C.renew,'token='+encodeURIComponent(C.token),fresh,lost)}
function look(then){ask('GET',C.state,'',function(m){
if(m.state==='used'){done=1;pale(1);count.textContent=say.textContent=T.used;if(m.result)w.location.replace(m.result)}
else if(then||m.state==='over'){pale(1);count.textContent=T.over;renew()}},lost)}
/* before a new code is made the old one is asked for: it may have paid in its last second */
function tick(){var s=Math.ceil((end-Date.now())/1000);
if(s>0&&again.hidden)count.textContent=T.left.replace('{n}',s);
if(done||busy||d.hidden||!again.hidden)return;
if(s<=0)look(1);
else if(Date.now()-looked>2000){looked=Date.now();look(0)}}
again.addEventListener('click',function(){again.hidden=true;look(1)});
d.addEventListener('visibilitychange',tick);
w.addEventListener('online',function(){if(!again.hidden){again.hidden=true;look(1)}});
w.addEventListener('pageshow',function(e){if(e.persisted){done=0;look(0)}});
setInterval(tick,1000);
})(document,window);
