import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import reboot from '../fixtures/job-reboot.v1.json' with { type: 'json' };
import rotate from '../fixtures/job-rotate-certificate.v1.json' with { type: 'json' };
import update from '../fixtures/job-update-agent.v1.json' with { type: 'json' };
import upload from '../fixtures/job-upload-logs.v1.json' with { type: 'json' };
import {
  isJobOperation,
  issuedCertificateDetails,
  jobDocumentSchemas,
  readIssuedCertificate,
  readRotationRequest,
  rotationRequestDetails,
  updateStatement,
} from './jobs.ts';

const examples = [reboot, rotate, update, upload];

it('fits its golden examples', () => {
  expect(examples.map(({ operation }) => operation).sort((a, b) => a.localeCompare(b))).toEqual(
    Object.keys(jobDocumentSchemas).sort((a, b) => a.localeCompare(b)),
  );
  for (const example of examples) {
    if (!isJobOperation(example.operation)) throw new Error(example.operation);
    expect(jobDocumentSchemas[example.operation].parse(example)).toEqual(example);
  }
});

it('knows no operation that objects have by nature', () => {
  expect(['toString', '__proto__', 5].filter(isJobOperation)).toEqual([]);
});

describe('a document', () => {
  it.each([
    { version: '1.4' },
    { version: '1.4.0-rc.1' },
    { url: 'http://releases.example/agent' },
    { url: 'file:///etc/shadow' },
    { size: 0 },
    { size: 65 * 1024 * 1024 },
    { sha256: update.sha256.toUpperCase() },
    { signature: 'AA==' },
    { further: true },
  ])('of an update is refused with %j', (change) => {
    expect(jobDocumentSchemas['update-agent'].safeParse({ ...update, ...change }).success).toBe(false);
  });

  it('may name this machine by plain HTTP, and no other that begins like it', () => {
    const accepts = (url: string) => jobDocumentSchemas['upload-logs'].safeParse({ ...upload, url }).success;
    expect(accepts('http://localhost:8080/logs')).toBe(true);
    expect(accepts('http://localhost.example.com/logs')).toBe(false);
    expect(accepts('http://127.0.0.1@example.com/logs')).toBe(false);
  });

  it('of an upload has a bound when it names none', () => {
    const { max_bytes: _, ...unbounded } = upload;
    expect(jobDocumentSchemas['upload-logs'].parse(unbounded).max_bytes).toBe(1024 * 1024);
  });
});

it('states an update in one way only', () => {
  expect(updateStatement(update)).toBe(
    `aovis-agent-update-v1\n1.4.0\n1843200\n9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n`,
  );
});

describe('what a rotation carries in status details', () => {
  it('comes out as it went in, within the service’s limits', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 6_000 }), (der) => {
        const details = issuedCertificateDetails(der);
        expect(Object.keys(details).length).toBeLessThanOrEqual(10);
        expect(Math.max(...Object.values(details).map(({ length }) => length))).toBeLessThanOrEqual(1_024);
        expect(Buffer.compare(Buffer.from(readIssuedCertificate(details) ?? []), Buffer.from(der))).toBe(0);
      }),
    );
    const request = { csrDer: Buffer.from('request'), certificateId: 'ab'.repeat(32) };
    expect(readRotationRequest(rotationRequestDetails(request))).toEqual(request);
  });

  it('is not there at another step', () => {
    expect(readIssuedCertificate({ step: 'csr', certificate_0: 'AAAA' })).toBeUndefined();
    expect(readRotationRequest({ step: 'certificate', csr: 'AAAA', certificate_id: 'a' })).toBeUndefined();
  });

  it('must fit', () => {
    expect(() => issuedCertificateDetails(new Uint8Array(6_001))).toThrow(RangeError);
  });
});
