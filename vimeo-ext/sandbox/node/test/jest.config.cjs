module.exports = {
  testMatch: ['**/*.jest.cjs'],
  transform: {},
  // With fewer, or if it knows from an earlier run that the tests are fast, Jest runs them in its own process.
  maxWorkers: 2,
  cacheDirectory: '<rootDir>/.jest-cache',
};
