// What paratest-mcp is measured beside: the SDK's own server for Node, with one tool of
// the same name that gives a constant answer of the same shape.
// usage: node mcp_peer.mjs MODULES
import { createRequire } from 'node:module';
import path from 'node:path';

const need = createRequire(path.resolve(process.argv[2], 'peer.js'));
const { McpServer } = need('@modelcontextprotocol/server');
const { serveStdio } = need('@modelcontextprotocol/server/stdio');
const { z } = need('zod');

const answer = {
  success: true,
  metrics: [],
  summary: { totalTests: 0, totalDuration: 0, averageDuration: 0, peakMemory: 0 },
};
serveStdio(() => {
  const server = new McpServer({ name: 'peer', version: '1' });
  server.registerTool('console_get_execution_metrics', {
    description: 'Metrics.',
    inputSchema: z.object({ testName: z.string().optional(), limit: z.number().optional() }),
    outputSchema: z.object({ success: z.boolean(), metrics: z.array(z.any()), summary: z.any() }),
  }, () => ({
    content: [{ type: 'text', text: JSON.stringify(answer) }],
    structuredContent: answer,
  }));
  return server;
});
