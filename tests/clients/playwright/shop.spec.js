// One test that passes, one that passes at its second try, one that fails at both.
const { test, expect } = require('@playwright/test');
const [pays, ships, bills] = process.env.TESTS.split(' ');

test(`${pays} | pays`, async () => {
  await test.step('lays the money down', async () => expect(1 + 1).toBe(2));
});

test(`${ships} | ships`, async ({}, info) => {
  expect(info.retry).toBe(1);
});

test(`${bills} | bills`, async () => {
  expect('the bill').toBe('a bill');
});
