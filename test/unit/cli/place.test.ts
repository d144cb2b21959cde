import { expect, it } from 'vitest'
import { placeOf } from '../../../src/cli/place.js'
import { loadSettings } from '../../../src/cli/settings.js'
import type { Station } from '../../../src/station/inventory.js'
import { testSystem } from '../../support/system.js'

const place = async (env: Record<string, string>): Promise<Partial<Station>> =>
  placeOf(await loadSettings(testSystem({ env })))

it('comes from variables, and says nothing of what is not given', async () => {
  expect(await place({})).toEqual({})
  expect(
    await place({
      WXSTATION_STATION_NAME: 'Roof',
      WXSTATION_STATION_LATITUDE: '-33.86',
      WXSTATION_STATION_LONGITUDE: '151.2',
      WXSTATION_STATION_HEIGHT: '0',
    }),
  ).toEqual({ name: 'Roof', latitude: -33.86, longitude: 151.2, heightM: 0 })
})

it.each([
  ['WXSTATION_STATION_LATITUDE', '90.5', 'from -90 to 90'],
  ['WXSTATION_STATION_LONGITUDE', '-181', 'from -180 to 180'],
  ['WXSTATION_STATION_HEIGHT', 'roof', 'not "roof"'],
  ['WXSTATION_STATION_HEIGHT', ' ', 'from -500 to 9000'],
])('is none: %s=%s', async (name, value, why) => {
  await expect(place({ [name]: value })).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    message: expect.stringContaining(why),
  })
})
