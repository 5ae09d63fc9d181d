import { expect, test } from 'vitest';
import { blank } from '../../backend/fake/data';
import { blankRule } from '../../text/rule';
import { choices } from './choices';
import { emptyProfile } from './draft.svelte';

const account = (id: string, address: string) => ({ ...blank(id), address });
const list = [
  account('reader', 'r.io'),
  account('writer', 'r.io'),
  account('team', 'r.io/team'),
  account('hub-1', 'docker.io'),
  account('hub-2', 'docker.io'),
  account('alone', 's.io'),
];
const of = (source: string, destinations: string[], accounts: Record<string, string> = {}): string[] =>
  choices({ ...emptyProfile(), rules: [blankRule(source, destinations)], accounts }, list).map(
    ({ key, chosen, accounts }) => `${key}: ${accounts.map(({ id }) => id).join('|')} -> ${chosen}`,
  );

test('only where several accounts fit equally well is there a choice, for each side', () => {
  expect(of('s.io/a:1', ['t.io/a'])).toEqual([]);
  expect(of('r.io/team/app:v1', ['s.io/a'])).toEqual([]);
  expect(of('r.io/a/b:/^v1/', ['r.io/c:2'])).toEqual([
    'r.io/a/b: reader|writer -> reader',
    'r.io/c: reader|writer -> reader',
  ]);
  expect(of('nginx:1.27', ['s.io/a'])).toEqual(['docker.io/library/nginx: hub-1|hub-2 -> hub-1']);
});

test('the one that is named is used, unless it does not fit', () => {
  const rule = ['r.io/a:1', ['r.io/b']] as const;
  expect(of(rule[0], [...rule[1]], { 'r.io/b': 'writer', 'r.io/a': 'alone' })).toEqual([
    'r.io/a: reader|writer -> reader',
    'r.io/b: reader|writer -> writer',
  ]);
});

test('what is half typed, and patterns, are no trouble', () => {
  expect(of('', [''])).toEqual([]);
  expect(of('r.io/mirror/*:v1', ['r.io/'])).toEqual([
    'r.io/mirror: reader|writer -> reader',
    'r.io: reader|writer -> reader',
  ]);
});
