import * as z from 'zod';
import { exampleUserId, idParams, instantSchema, lineSchema, reasonSchema } from './admin-common.ts';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { defineRoute, staffRoles } from './route.ts';

export const userRoles = ['user', ...staffRoles] as const;

const userFields = {
  id: z.uuid(),
  email: z.string().nullable(),
  email_verified: z.boolean(),
  display_name: z.string().nullable(),
  role: z.enum(userRoles),
  status: z.enum(['active', 'disabled', 'deleted']),
  created_at: instantSchema,
};
export const adminUserSchema = z.strictObject(userFields);
export type AdminUserView = z.infer<typeof adminUserSchema>;

export const adminUserDetailSchema = z.strictObject({
  ...userFields,
  sessions: z.int().nonnegative(),
  devices: z.array(z.strictObject({ device_id: z.string(), since: instantSchema })),
  orders: z.int().nonnegative(),
  purchases: z.int().nonnegative(),
});
export type AdminUserDetail = z.infer<typeof adminUserDetailSchema>;

const exampleUser: AdminUserView = {
  id: exampleUserId,
  email: 'anna@example.com',
  email_verified: true,
  display_name: 'Anna',
  role: 'user',
  status: 'active',
  created_at: '2026-11-02T09:30:00.000Z',
};

export const listUsers = defineRoute({
  operationId: 'adminListUsers',
  method: 'get',
  path: '/api/admin/users',
  summary: 'Find users',
  description: 'Newest first. `email` finds addresses that begin with it.',
  tag: 'Staff',
  auth: { role: 'support' },
  query: z.strictObject({
    ...pageQuery,
    email: lineSchema(254).optional(),
    role: z.enum(userRoles).optional(),
  }),
  example: { query: { email: 'anna' }, answer: { users: [exampleUser], next_cursor: null } },
  responses: { 200: z.strictObject({ users: z.array(adminUserSchema), next_cursor: nextCursorSchema }) },
  errors: [],
});

export const getUser = defineRoute({
  operationId: 'adminGetUser',
  method: 'get',
  path: '/api/admin/users/{id}',
  summary: 'See a user',
  tag: 'Staff',
  auth: { role: 'support' },
  params: idParams,
  example: {
    params: { id: exampleUserId },
    answer: {
      ...exampleUser,
      sessions: 2,
      devices: [{ device_id: 'aovis-n4k-000123', since: '2026-11-02T09:40:00.000Z' }],
      orders: 1,
      purchases: 0,
    },
  },
  responses: { 200: adminUserDetailSchema },
  errors: ['user_not_found'],
});

export const updateUser = defineRoute({
  operationId: 'adminUpdateUser',
  method: 'patch',
  path: '/api/admin/users/{id}',
  summary: 'Change a user’s role, or disable the account',
  description:
    'Works at once: a disabled user’s sessions end, a role counts from the next request on. Nobody changes their own, ' +
    'so one active admin always remains.',
  tag: 'Staff',
  auth: { role: 'admin' },
  params: idParams,
  body: z
    .strictObject({
      role: z.enum(userRoles).optional(),
      status: z.enum(['active', 'disabled']).optional(),
      reason: reasonSchema,
    })
    .refine(({ role, status }) => role !== undefined || status !== undefined, 'say role, status or both'),
  example: {
    params: { id: exampleUserId },
    body: { role: 'support', reason: 'joins the help desk' },
    answer: { ...exampleUser, role: 'support' },
  },
  responses: { 200: adminUserSchema },
  errors: ['user_not_found', 'forbidden'],
});

export const redeemInvitation = defineRoute({
  operationId: 'redeemStaffInvitation',
  method: 'post',
  path: '/api/admin/invitations/redeem',
  summary: 'Become a member of staff',
  description:
    'With the one-time token that `admin invite` printed for you. It works once, within 30 minutes, and where it names ' +
    'an address only for who has verified that address.',
  tag: 'Staff',
  auth: 'user',
  body: z.strictObject({ token: z.string().min(1).max(128) }),
  example: {
    body: { token: 'qX0v3wq0F0w8Zt2y1m5b9d7c4a6e8f0g2h4j6k8l0n2' },
    answer: { role: 'admin' },
  },
  responses: { 200: z.strictObject({ role: z.enum(staffRoles) }) },
  errors: ['invalid_token'],
});
