/** WXSTATION_TEST_PATIENCE: the factor on every ceiling of the tests on real things. */
export const patience = Math.max(1, Number(process.env.WXSTATION_TEST_PATIENCE) || 1)
