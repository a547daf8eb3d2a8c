module.exports = { testMatch: ['**/*.jest.cjs'], transform: {} };
