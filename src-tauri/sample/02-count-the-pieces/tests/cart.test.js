import { describe, expect, it } from 'vitest'
import { add, lines, money, pieces, total } from '../src/cart.js'

describe('the cart', () => {
  it('costs nothing while it is empty', () => {
    expect(total({})).toBe(0)
  })

  it('counts pieces of the same kind on one line', () => {
    const cart = add(add({}, 'ink'), 'ink')
    expect(lines(cart).map((line) => [line.id, line.pieces])).toEqual([['ink', 2]])
    expect(total(cart)).toBe(7300)
  })

  it('forgets a kind with its last piece', () => {
    expect(add(add({}, 'card'), 'card', -1)).toEqual({})
  })

  it('knows how many pieces it holds', () => {
    expect(pieces(add(add({}, 'ink', 2), 'card', 3))).toBe(5)
  })

  it('adds up to the last fen', () => {
    const cart = add(add(add({}, 'type'), 'paper', 2), 'card', 3)
    expect(total(cart)).toBe(12800 + 2 * 999 + 3 * 450)
  })

  it('shows money with two places', () => {
    expect(money(999)).toBe('¥9.99')
    expect(money(12800)).toBe('¥128.00')
  })
})
