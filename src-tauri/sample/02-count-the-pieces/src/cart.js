import { goods } from './goods.js'

/** Adds `count` pieces (or takes them away, when negative). Returns a new cart: `{ id: pieces }`. */
export function add(cart, id, count = 1) {
  const pieces = (cart[id] ?? 0) + count
  const rest = Object.fromEntries(Object.entries(cart).filter(([other]) => other !== id))
  return pieces > 0 ? { ...rest, [id]: pieces } : rest
}

/** The lines of the cart in the order of the shelf. */
export function lines(cart) {
  return goods
    .filter((good) => cart[good.id])
    .map((good) => ({ ...good, pieces: cart[good.id], sum: good.price * cart[good.id] }))
}

/** How many pieces there are. */
export function pieces(cart) {
  return lines(cart).reduce((sum, line) => sum + line.pieces, 0)
}

/** What is to be paid, in fen. */
export function total(cart) {
  return lines(cart).reduce((sum, line) => sum + line.sum, 0)
}

/** `12800` as `¥128.00`. */
export function money(fen) {
  return `¥${(fen / 100).toFixed(2)}`
}
