const words = {
  zh: {
    hello: '活字、油墨和好纸',
    add: '加入购物车',
    cart: '购物车',
    empty: '还是空的。挑一样吧。',
    total: '合计',
    remove: '减一件',
    pieces: (n) => `${n} 件`,
    clear: '清空',
    saved: '已优惠',
  },
  en: {
    hello: 'Movable type, ink and good paper',
    add: 'Add to cart',
    cart: 'Cart',
    empty: 'Still empty. Pick something.',
    total: 'Total',
    remove: 'One less',
    pieces: (n) => (n === 1 ? '1 piece' : `${n} pieces`),
    clear: 'Clear',
    saved: 'You save',
  },
}

export const language = globalThis.navigator?.language?.startsWith('zh') ? 'zh' : 'en'
export default words[language]
