// The form of an ad: looks at a chosen picture before it is sent, and shows it in both frames.
const form = document.querySelector('[data-ad-form]');
const input = form && form.querySelector('#picture');
if (input) {
  const message = form.querySelector('[data-ad-msg]');
  const chosen = form.querySelector('[data-ad-chosen]');
  const kept = form.querySelector('[data-ad-kept]');
  const types = ['image/jpeg', 'image/png', 'image/webp'];
  const most = Number(form.dataset.most);

  const read = (file) => new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = fail;
    reader.readAsDataURL(file);
  });
  const measure = (url) => new Promise((done, fail) => {
    const image = new Image();
    image.onload = () => done([image.naturalWidth, image.naturalHeight]);
    image.onerror = fail;
    image.src = url;
  });
  const say = (words) => {
    message.textContent = words;
    message.hidden = !words;
    if (words) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
    input.setCustomValidity(words);
  };
  const against = async (file, url) => {
    if (!types.includes(file.type)) return '这不是 JPG、PNG 或 WebP 图片';
    if (file.size > most) return `图片有 ${(file.size / 1048576).toFixed(1)} MB，最多 2 MB`;
    const [width, height] = await measure(await url());
    if (width < 700 || height < 294) return `图片是 ${width}×${height} 像素，至少要 700×300`;
    if (Math.abs(width / height / (7 / 3) - 1) > 0.02) return `图片是 ${width}×${height} 像素，宽高要 7 比 3，如 700×300`;
    return '';
  };
  const preview = (url) => {
    for (const frame of document.querySelectorAll('[data-ad-frame]')) {
      const image = frame.contentDocument && frame.contentDocument.querySelector('.ad img');
      if (image) { image.loading = 'eager'; image.src = url; image.alt = form.elements.name.value; }
    }
  };
  // the button that a wallet's window has
  const done = (frame) => {
    const button = frame.contentDocument && frame.contentDocument.getElementById('done');
    if (button) button.hidden = false;
  };
  for (const frame of document.querySelectorAll('[data-ad-frame]')) {
    frame.addEventListener('load', () => done(frame));
    done(frame);
  }
  input.addEventListener('change', async () => {
    const file = input.files[0];
    say('');
    chosen.hidden = !file;
    if (!file) return;
    if (kept) kept.hidden = true;
    form.querySelector('[data-ad-file]').textContent = file.name;
    form.querySelector('[data-ad-size]').textContent = `${Math.ceil(file.size / 1024)} KB，保存时压缩`;
    let url = null;
    try {
      say(await against(file, async () => (url = await read(file))));
      if (url && !message.textContent) preview(url);
    } catch { say('图片打不开，可能没有传完整'); }
  });
}
