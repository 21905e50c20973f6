// Lists what was built and fails when the page or its program is missing.
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const colour = (code, text) => `\u001b[${code}m${text}\u001b[0m`

let files = []
try {
  files = readdirSync('dist', { recursive: true })
    .map(String)
    .filter((name) => statSync(join('dist', name)).isFile())
    .sort()
} catch {
  // Told below: nothing was built.
}

for (const name of files) {
  const size = (statSync(join('dist', name)).size / 1024).toFixed(1).padStart(8)
  console.log(`${colour(36, `${size} kB`)}  ${name.replaceAll('\\', '/')}`)
}

const missing = []
if (!files.includes('index.html')) missing.push('index.html')
if (!files.some((name) => name.endsWith('.js'))) missing.push('a .js file')
if (missing.length > 0) {
  console.error(colour('1;31', `error: dist has no ${missing.join(' and no ')}`))
  process.exit(1)
}

const title = readFileSync(join('dist', 'index.html'), 'utf8').match(/<title>(.*?)<\/title>/s)?.[1]
console.log(colour('1;32', `all there: ${files.length} files, the page is called “${title}”`))
