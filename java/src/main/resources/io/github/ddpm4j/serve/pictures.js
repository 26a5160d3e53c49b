/** Images as the server has them: bytes [N,H,W,C] in Base64. */

export function decode(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

export function encode(bytes) {
  return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
}

/** Draws images in about as many rows as columns, a pixel's width apart. */
export function draw(canvas, bytes, { height, width, channels }) {
  const size = height * width * channels;
  const count = bytes.length / size;
  const columns = Math.ceil(Math.sqrt(count));
  canvas.width = columns * (width + 1) - 1;
  canvas.height = Math.ceil(count / columns) * (height + 1) - 1;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let n = 0; n < count; n++) {
    for (let p = 0; p < height * width; p++) {
      for (let c = 0; c < 3; c++) {
        image.data[p * 4 + c] = bytes[n * size + p * channels + (channels === 3 ? c : 0)];
      }
      image.data[p * 4 + 3] = 255;
    }
    context.putImageData(image, (n % columns) * (width + 1), Math.floor(n / columns) * (height + 1));
  }
}

/** A canvas with one image, described for those who do not see it. */
export function picture(bytes, shape, label) {
  const canvas = document.createElement("canvas");
  canvas.role = "img";
  canvas.ariaLabel = label;
  draw(canvas, bytes, shape);
  return canvas;
}

/** Bytes [H,W,C] of an image file: its middle, scaled to the shape. */
export async function read(file, { height, width, channels }) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is not an image that the browser can read`);
  });
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  const [w, h] = [bitmap.width * scale, bitmap.height * scale];
  context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
  const { data } = context.getImageData(0, 0, width, height);
  const bytes = new Uint8Array(height * width * channels);
  for (let p = 0; p < height * width; p++) {
    const [r, g, b] = data.subarray(p * 4, p * 4 + 3);
    bytes.set(channels === 3 ? [r, g, b] : [Math.round(0.299 * r + 0.587 * g + 0.114 * b)], p * channels);
  }
  return bytes;
}
