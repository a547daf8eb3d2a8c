// The same tests, next to those of the other file.
require('./first.jest.cjs');
