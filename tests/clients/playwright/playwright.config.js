// What playwright-xray is told; ADDRESS and the keys come from check.py.
const { APP, CLIENT_ID, TOKEN, FAMILY, PLAN } = process.env;

module.exports = {
  testDir: '.',
  retries: 1,
  workers: 1,
  projects: [{ name: 'none' }],
  reporter: [
    [
      'playwright-xray',
      {
        jira: { url: `${APP}/xray/`, type: FAMILY, apiVersion: '2.0' },
        cloud: { client_id: CLIENT_ID, client_secret: TOKEN, xrayUrl: `${APP}/xray/` },
        server: { token: TOKEN },
        projectKey: 'SHOP',
        testPlan: PLAN,
        summary: `Playwright on ${FAMILY}`,
        revision: '4f1c',
        version: '1.4',
        testEnvironments: ['chrome'],
        runResult: false,
        uploadScreenShot: true,
      },
    ],
  ],
};
