// Prices in fen, so that no sum is ever off by a fraction.
export const goods = [
  { id: 'type', glyph: '字', price: 12800, zh: '宋体活字一盒', en: 'A case of Song type' },
  { id: 'ink', glyph: '墨', price: 3650, zh: '黑色油墨', en: 'Black ink' },
  { id: 'paper', glyph: '纸', price: 999, zh: '棉纸十张', en: 'Ten sheets of cotton paper' },
  { id: 'card', glyph: '卡', price: 450, zh: '压印明信片', en: 'A letterpress postcard' },
]
