import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// The form's value reaches the build as an environment variable.
const shopName = (process.env.SHOP_NAME || '').trim() || 'Letterpress sample'

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const asHtml = (text) => text.replace(/[&<>"]/g, (c) => escapes[c])

export default defineConfig({
  // Opens from any folder of a web server.
  base: './',
  define: { __SHOP_NAME__: JSON.stringify(shopName) },
  plugins: [
    vue(),
    { name: 'shop-name', transformIndexHtml: (html) => html.replaceAll('{{ shop name }}', () => asHtml(shopName)) },
  ],
})
