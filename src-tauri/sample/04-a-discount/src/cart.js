import { goods } from './goods.js'

/** Adds `count` pieces (or takes them away, when negative). Returns a new cart: `{ id: pieces }`. */
export function add(cart, id, count = 1) {
  const pieces = (cart[id] ?? 0) + count
  const rest = Object.fromEntries(Object.entries(cart).filter(([other]) => other !== id))
  return pieces > 0 ? { ...rest, [id]: pieces } : rest
}

/** From so many pieces of one kind on, a tenth is taken off. */
export const ENOUGH = 3

/** What is taken off a line, in fen, in favour of the customer. */
export function discount(good, pieces) {
  return pieces >= ENOUGH ? Math.ceil((good.price * pieces) / 10) : 0
}

/** The lines of the cart in the order of the shelf. */
export function lines(cart) {
  return goods
    .filter((good) => cart[good.id])
    .map((good) => {
      const pieces = cart[good.id]
      const saved = discount(good, pieces)
      return { ...good, pieces, saved, sum: good.price * pieces - saved }
    })
}

/** How many pieces there are. */
export function pieces(cart) {
  return lines(cart).reduce((sum, line) => sum + line.pieces, 0)
}

/** What is taken off all lines, in fen. */
export function saved(cart) {
  return lines(cart).reduce((sum, line) => sum + line.saved, 0)
}

/** What is to be paid, in fen. */
export function total(cart) {
  return lines(cart).reduce((sum, line) => sum + line.sum, 0) - saved(cart)
}

/** `12800` as `¥128.00`. */
export function money(fen) {
  return `¥${(fen / 100).toFixed(2)}`
}
